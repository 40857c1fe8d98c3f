// Two Services that claim one frontend: undefined in Kubernetes. The one that has it keeps it, for
// stability; the other is named so that somebody can be told.

package import Model

/// A claim that was not granted.
package struct FrontendConflict: Hashable, Sendable, Comparable {
    package var frontend: Frontend
    package var owner: ServicePortName
    package var refused: ServicePortName

    package init(frontend: Frontend, owner: ServicePortName, refused: ServicePortName) {
        self.frontend = frontend
        self.owner = owner
        self.refused = refused
    }

    package static func < (a: Self, b: Self) -> Bool {
        (a.frontend, a.refused) < (b.frontend, b.refused)
    }
}

extension FrontendConflict: CustomStringConvertible {
    package var description: String { "\(frontend) of \(refused) is already \(owner)'s" }
}
