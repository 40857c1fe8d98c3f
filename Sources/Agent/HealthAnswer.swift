// What `/healthz` and `/livez` say: kube-proxy's answers, with one addition: 503 until the first
// complete programming. Pure. It never asks whether the API server can be reached: an outage of the
// API would drain every node at once.

package import Model

/// What is known when somebody asks.
package struct HealthFacts: Hashable, Sendable {
    /// A programming that has failed or waited for longer makes the node unhealthy.
    package static let patience = Duration.seconds(60)

    /// Services and pods were programmed completely once, or restored.
    package var isProgrammed = false
    /// How long the oldest change has waited without a successful programming; nil: none waits.
    package var oldestWait: Duration?
    /// The own Node object, if one is known.
    package var node: Node?
    /// RFC 3339, of now and of the last success.
    package var now = ""
    package var lastUpdated = ""
    /// The families that this node serves.
    package var families = IPFamily.allCases

    package init() {}
}

/// One answer of a health port.
package struct HealthAnswer: Hashable, Sendable {
    package var status: Int
    /// JSON.
    package var body: String

    /// `/livez`: is the proxy itself well? For the pod's liveness probe.
    package static func live(_ facts: HealthFacts) -> HealthAnswer {
        HealthAnswer(facts, isGood: facts.isHealthy, eligible: nil)
    }

    /// `/healthz`: also whether load balancers should send here. A Node that nobody told us about
    /// decides nothing: manifests need not have one.
    package static func health(_ facts: HealthFacts) -> HealthAnswer {
        let eligible = !(facts.node?.isLeaving ?? false)
        return HealthAnswer(facts, isGood: facts.isHealthy && eligible, eligible: eligible)
    }

    private init(_ facts: HealthFacts, isGood: Bool, eligible: Bool?) {
        status = isGood ? 200 : 503
        let updated = isGood ? facts.now : facts.lastUpdated
        let families = facts.families.map { family in
            "\"IPv\(family.rawValue)\":"
                + "{\"lastUpdated\":\"\(updated)\",\"healthy\":\(facts.isHealthy)}"
        }
        body =
            "{\"lastUpdated\":\"\(updated)\",\"currentTime\":\"\(facts.now)\","
            + "\"healthy\":\(facts.isHealthy),\"status\":{\(families.joined(separator: ","))}"
            + (eligible.map { ",\"nodeEligible\":\($0)" } ?? "") + "}\n"
    }
}

extension HealthFacts {
    fileprivate var isHealthy: Bool {
        isProgrammed && (oldestWait ?? .zero) < Self.patience
    }
}
