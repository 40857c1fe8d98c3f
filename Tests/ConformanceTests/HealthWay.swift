// The sections `probes` and `healthz` of a case: what whoever asks about health must get. Read
// strictly, as flows are; judged by what the real answers say, parsed again.

import HTTP
import Health
import Model
import NIOCore

@testable import Kubernetes

/// Somebody asks the health port of a Service.
struct CaseProbe {
    var destination: IPAddress
    var port: UInt16
    var path: String
    var isProxyHealthy: Bool
    /// Nil: nothing listens there.
    var wanted: ServiceHealth?
}

struct ServiceHealth: Equatable {
    var status: Int
    var localEndpoints: Int
}

/// Somebody asks /healthz and /livez.
struct CaseHealth {
    /// The Node object; nil: none is known.
    var node: ManifestValue?
    /// For how long a change has waited, by family.
    var pending: [IPFamily: Duration]
    var wanted: NodeHealth
}

struct NodeHealth: Equatable {
    var healthz: Int
    var livez: Int
    var nodeEligible: Bool
    var healthy: Bool
}

/// What somebody was told about health, and what the case wants; both as text.
struct HealthJudged {
    var name: String
    var wanted: String
    var got: String

    init(_ name: String, wanted: String, got: String) {
        (self.name, self.wanted, self.got) = (name, wanted, got)
    }

    init(_ probe: CaseProbe, on node: PureNode) {
        let response = node.probe(
            probe.destination, probe.port, isProxyHealthy: probe.isProxyHealthy)
        name = "probe \(socketText(probe.destination, probe.port))\(probe.path)"
        let healthy = probe.isProxyHealthy
        wanted =
            probe.wanted.map { Self.text($0.status, $0.localEndpoints, "\(healthy)") }
            ?? "nothing listening"
        got = response.map(Self.text) ?? "nothing listening"
    }

    init(_ health: CaseHealth, number: Int, nodeName: String) {
        name = "healthz \(number)"
        let wanted = health.wanted
        self.wanted = Self.text(
            wanted.healthz, wanted.livez, "\(wanted.nodeEligible)", "\(wanted.healthy)")
        let facts = PureNode.healthFacts(health, nodeName: nodeName)
        let answers = (HealthAnswers.health(facts), HealthAnswers.live(facts))
        let (body, liveBody) = (Self.members(answers.0), Self.members(answers.1))
        got = Self.text(
            answers.0.status, answers.1.status, body["nodeEligible"] ?? "absent",
            body["healthy"] == liveBody["healthy"] ? body["healthy"] ?? "absent" : "contradictory")
        // The two answers differ in this member only.
        if liveBody["nodeEligible"] != nil { got += ", livez with nodeEligible" }
    }

    private static func text(_ response: HTTPResponse) -> String {
        let body = members(response)
        var text = text(
            response.status,
            response.headers["X-Load-Balancing-Endpoint-Weight"].flatMap { Int($0) }
                ?? -1, body["serviceProxyHealthy"] ?? "absent")
        // Weight and body tell the same.
        if body["localEndpoints"] != response.headers["X-Load-Balancing-Endpoint-Weight"] {
            text += ", a body with \(body["localEndpoints"] ?? "none")"
        }
        return text
    }

    private static func text(_ status: Int, _ endpoints: Int, _ healthy: String) -> String {
        "\(status) with weight \(endpoints), serviceProxyHealthy \(healthy)"
    }

    private static func text(
        _ healthz: Int, _ livez: Int, _ eligible: String, _ healthy: String
    ) -> String {
        "healthz \(healthz), livez \(livez), nodeEligible \(eligible), healthy \(healthy)"
    }

    private static func members(_ response: HTTPResponse) -> [String: String] {
        guard case .map(let members)? = try? JSONText.parse(response.bytes) else { return [:] }
        return members.mapValues(\.json)
    }
}

extension CaseProbe {
    init(_ object: ObjectField) throws(MalformedObject) {
        let port = try object.member("port")
        guard let number = try port.port() else { throw port.malformed("is missing") }
        let expected = try object.member("expect")
        let status = try expected.member("status")
        self.init(
            destination: try object.member("dst").address(), port: number,
            path: try object.member("path").string() ?? "/",
            isProxyHealthy: try object.member("proxyHealthy").bool() ?? true, wanted: nil)
        if status.value != .null {
            wanted = ServiceHealth(
                status: try status.integer(),
                localEndpoints: try expected.member("localEndpoints").integer())
        }
    }
}

extension CaseHealth {
    init(_ object: ObjectField) throws(MalformedObject) {
        let node = try object.member("node")
        let isKnown = try node.member("name").string() != nil
        let expected = try object.member("expect")
        self.init(
            node: isKnown ? node.value : nil, pending: [:],
            wanted: NodeHealth(
                healthz: try expected.member("healthz").integer(),
                livez: try expected.member("livez").integer(),
                nodeEligible: try expected.member("nodeEligible").bool() ?? false,
                healthy: try expected.member("healthy").bool() ?? false))
        let proxiers = try object.member("proxiers")
        for family in IPFamily.allCases {
            let waited = try proxiers.member("IPv\(family.rawValue)").member("pendingSeconds")
            guard case .number(let text) = waited.value else { continue }
            guard let seconds = Double(text) else { throw waited.malformed("is no number") }
            pending[family] = .seconds(seconds)
        }
    }
}

extension PureNode {
    /// What a health port answers; nil: nothing listens there.
    func probe(
        _ destination: IPAddress, _ port: UInt16, isProxyHealthy: Bool
    ) -> HTTPResponse? {
        guard isOwn(destination) else { return nil }
        return healthPorts.first {
            $0.port == port && $0.family == destination.family
                && ($0.addresses.contains(destination)
                    || $0.addresses.contains(.unspecified(destination.family)))
        }.map {
            HealthAnswers.service(
                $0.service, readyLocalEndpoints: $0.readyLocalEndpoints,
                isProxyHealthy: isProxyHealthy)
        }
    }

    /// The object takes the road of a manifest; the waiting of a change is given.
    static func healthFacts(_ health: CaseHealth, nodeName: String) -> HealthFacts {
        var facts = HealthFacts()
        facts.isProgrammed = true
        facts.now = "2026-01-01T00:01:00Z"
        for family in IPFamily.allCases {
            facts.families[family] = HealthFacts.Family(
                oldestWait: health.pending[family], lastUpdated: "2026-01-01T00:00:00Z")
        }
        facts.isNodeEligible = isEligible(health.node, nodeName: nodeName)
        return facts
    }
}

extension ObjectField {
    fileprivate func integer() throws(MalformedObject) -> Int {
        guard case .number(let text) = value, let number = Int(text) else {
            throw malformed("is no integer")
        }
        return number
    }
}
