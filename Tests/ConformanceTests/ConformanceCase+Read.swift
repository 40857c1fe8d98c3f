// JSON → case. Strict: a case that can't be read in full fails by name, since whoever skips what it
// doesn't know proves nothing.

import Model

@testable import Kubernetes

extension ConformanceCase {
    /// The cases of a file, one JSON object a line, and complaints about those that can't be read.
    static func read(_ text: String) -> (cases: [ConformanceCase], unreadable: [String]) {
        var cases: [ConformanceCase] = []
        var unreadable: [String] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated() where !line.allSatisfy(\.isWhitespace)
        {
            let place = "line \(index + 1)"
            do {
                let object = ObjectField(try JSONText.parse(Array(line.utf8)))
                let id = try object.member("id").string() ?? place
                do throws(MalformedObject) {
                    cases.append(try ConformanceCase(object, id: id))
                } catch {
                    unreadable.append("\(id): \(error.reason)")
                }
            } catch {
                unreadable.append("\(place): \(error)")
            }
        }
        return (cases, unreadable)
    }

    private init(_ object: ObjectField, id: String) throws(MalformedObject) {
        var phases = [try CasePhase(object)]
        for later in try object.member("then").elements() { phases.append(try CasePhase(later)) }
        self.init(id: id, config: try CaseConfig(object.member("config")), phases: phases)
    }
}

extension CaseConfig {
    fileprivate init(_ object: ObjectField) throws(MalformedObject) {
        let detection = try object.member("detectLocal")
        let mode = try detection.member("mode")
        self.init(
            detection: .none,
            nodePortAddresses: try object.member("nodePortAddresses").strings(),
            localhostNodePorts: try object.member("localhostNodePorts").bool() ?? false,
            masqueradesAll: try object.member("masqueradeAll").bool() ?? false,
            serviceCIDRs: try object.member("serviceCIDRs").cidrs())
        switch try mode.string() ?? "None" {
        case "None": break
        case "InterfaceNamePrefix", "BridgeInterface":
            self.detection = .interface(prefix: try detection.member("prefix").required())
        case "ClusterCIDR", "NodeCIDR":
            let ranges = try detection.member("cidrs").cidrs()
            if !ranges.isEmpty { self.detection = .source(ranges) }
        default: throw mode.malformed("is an unknown mode")
        }
    }
}

extension CasePhase {
    private static let otherSections = ["conntrack", "metrics", "sysctl"]

    fileprivate init(_ object: ObjectField) throws(MalformedObject) {
        var flows: [CaseFlow] = []
        for flow in try object.member("flows").elements() { flows.append(try CaseFlow(flow)) }
        var sections: [String] = []
        for name in Self.otherSections where try object.member(name).value != .null {
            sections.append(name)
        }
        var probes: [CaseProbe] = []
        for probe in try object.member("probes").elements() { probes.append(try CaseProbe(probe)) }
        var healthz: [CaseHealth] = []
        for asked in try object.member("healthz").elements() {
            healthz.append(try CaseHealth(asked))
        }
        let node = try object.member("node")
        self.init(
            services: try object.member("services").objects(),
            endpointSlices: try object.member("endpointslices").objects(),
            node: node.value == .null ? nil : try CaseNode(node), flows: flows, probes: probes,
            healthz: healthz, sections: sections)
    }
}

extension CaseNode {
    fileprivate init(_ object: ObjectField) throws(MalformedObject) {
        var addresses: [IPAddress] = []
        for element in try object.member("ips").elements() {
            addresses.append(try element.address())
        }
        self.init(
            name: try object.member("name").required(), addresses: addresses,
            zone: try object.member("zone").string())
    }
}

extension CaseFlow {
    fileprivate init(_ object: ObjectField) throws(MalformedObject) {
        let sender = try object.member("from")
        guard let known = Sender(rawValue: try sender.required()) else {
            throw sender.malformed("is an unknown sender")
        }
        guard case .number(let text) = try object.member("n").value, let number = Int(text) else {
            throw object.malformed("has no number")
        }
        let port = try object.member("port")
        guard let portNumber = try port.port() else { throw port.malformed("is missing") }

        let asReference = try object.member("expect")
        let ours = try object.member("expectNeedletail")
        let undetected = try object.member("expectNoLocalDetection")
        let wanted = ours.value == .null ? asReference : ours
        let memory = try asReference.member("sameBackendAs").value
        var asksForMemory = false
        if case .map(let members) = asReference.value {
            asksForMemory = members["sameBackendAs"] != nil
        }
        self.init(
            number: number, sender: known, source: try object.member("src").address(),
            destination: Frontend(
                address: try object.member("dst").address(), port: portNumber,
                protocol: try object.member("proto").transport()),
            wanted: try Expectation(wanted),
            wantedWithoutDetection: try Expectation(
                undetected.value == .null ? wanted : undetected),
            asksForMemory: asksForMemory, isRemembered: memory != .null)
    }
}

extension Expectation {
    fileprivate init(_ object: ObjectField) throws(MalformedObject) {
        let outcome = try object.member("outcome")
        guard let known = Outcome(rawValue: try outcome.required()) else {
            throw outcome.malformed("is an unknown outcome")
        }
        self.init(outcome: known, backends: Set(try object.member("backends").strings()))
        guard known == .dnat else { return }
        let some = try object.member("masqueradeBackends")
        switch try object.member("masquerade").bool() {
        case true: masqueraded = backends
        case false: masqueraded = []
        case nil: masqueraded = some.value == .null ? nil : Set(try some.strings())
        }
    }
}

extension ObjectField {
    fileprivate func strings() throws(MalformedObject) -> [String] {
        var strings: [String] = []
        for element in try elements() { strings.append(try element.required()) }
        return strings
    }

    fileprivate func cidrs() throws(MalformedObject) -> [CIDR] {
        var cidrs: [CIDR] = []
        for element in try elements() { cidrs.append(try element.cidr()) }
        return cidrs
    }

    /// Nil where the field is absent: then nothing is said about such objects.
    fileprivate func objects() throws(MalformedObject) -> [ManifestValue]? {
        value == .null ? nil : try elements().map(\.value)
    }
}
