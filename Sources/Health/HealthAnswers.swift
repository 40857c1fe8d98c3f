// The answers that load balancers and the kubelet act on, as kube-proxy gives them. Pure.

package import HTTP
package import Model

/// What is answered to whom.
package enum HealthAnswers {
    /// `/livez`: is the proxy itself well? For the pod's liveness probe: a node that is to be
    /// drained must not have its proxy restarted.
    package static func live(_ facts: HealthFacts) -> HTTPResponse {
        node(facts, isGood: facts.isHealthy, eligible: nil)
    }

    /// `/healthz`: also whether load balancers should send to the node.
    package static func health(_ facts: HealthFacts) -> HTTPResponse {
        node(
            facts, isGood: facts.isHealthy && facts.isNodeEligible, eligible: facts.isNodeEligible)
    }

    /// A Service's health port: has this node a ready endpoint of its own? Whatever the path and
    /// the method.
    package static func service(
        _ name: ObjectName, readyLocalEndpoints count: Int, isProxyHealthy: Bool
    ) -> HTTPResponse {
        // To the letter as kube-proxy lays it out.
        let body = """
            {
            \t"service": {
            \t\t"namespace": "\(escaped(name.namespace))",
            \t\t"name": "\(escaped(name.name))"
            \t},
            \t"localEndpoints": \(count),
            \t"serviceProxyHealthy": \(isProxyHealthy)
            }
            """
        return .json(
            count > 0 && isProxyHealthy ? 200 : 503, body,
            headers: ["X-Load-Balancing-Endpoint-Weight": String(count)])
    }

    /// An answer of 200 speaks of now; else the families say when each was well last.
    private static func node(
        _ facts: HealthFacts, isGood: Bool, eligible: Bool?
    ) -> HTTPResponse {
        let families = facts.families.sorted { $0.key < $1.key }.map { family, known in
            "\"IPv\(family.rawValue)\":{\"lastUpdated\":\"\(known.lastUpdated)\","
                + "\"healthy\":\(facts.isHealthy(family))}"
        }
        let last = facts.families.values.map(\.lastUpdated).max() ?? facts.now
        let body =
            "{\"lastUpdated\":\"\(isGood ? facts.now : last)\",\"currentTime\":\"\(facts.now)\","
            + "\"healthy\":\(facts.isHealthy),\"status\":{\(families.joined(separator: ","))}"
            + (eligible.map { ",\"nodeEligible\":\($0)" } ?? "") + "}"
        return .json(isGood ? 200 : 503, body)
    }

    /// Kubernetes' names need none of it, but a manifest may say anything.
    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { escaped, scalar in
            switch scalar {
            case "\"", "\\": escaped += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: escaped.unicodeScalars.append(scalar)
            }
        }
    }
}
