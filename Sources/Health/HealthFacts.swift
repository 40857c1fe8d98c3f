// What is known when somebody asks for the node's health. Never whether the API server can be
// reached: an outage of the API would drain every node at once.

package import Model

/// What `/healthz`, `/livez` and the health ports of Services are answered from.
package struct HealthFacts: Hashable, Sendable {
    /// A change that has waited, or failed, for so long makes the node unhealthy: twice
    /// kube-proxy's sync period.
    package static let patience = Duration.seconds(60)

    /// One family's side of the programming.
    package struct Family: Hashable, Sendable {
        /// How long the oldest change has waited without a successful programming; nil: none
        /// waits.
        package var oldestWait: Duration?
        /// RFC 3339, of the last success.
        package var lastUpdated: String

        package init(oldestWait: Duration? = nil, lastUpdated: String = "") {
            self.oldestWait = oldestWait
            self.lastUpdated = lastUpdated
        }
    }

    /// Services and pods were programmed completely once, or restored.
    package var isProgrammed = false
    package var families: [IPFamily: Family] = [:]
    /// Load balancers should send to this node.
    package var isNodeEligible = false
    /// RFC 3339, UTC.
    package var now = ""

    package init() {}

    /// The family's changes reach the maps.
    package func isHealthy(_ family: IPFamily) -> Bool {
        isProgrammed && (families[family]?.oldestWait ?? .zero) < Self.patience
    }

    /// The proxy itself is well; says nothing of the node.
    package var isHealthy: Bool { IPFamily.allCases.allSatisfy(isHealthy) }
}
