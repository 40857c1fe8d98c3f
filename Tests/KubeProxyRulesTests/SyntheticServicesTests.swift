// The made-up clusters that measurements run on.

import KubeProxyRules
import Model
import Testing

@Suite struct SyntheticServicesTests {
    struct Case: Sendable {
        let services: CIDR
        let pods: CIDR
        let backend: Backend

        static let v4 = Case(services: "10.100.0.0/16", pods: "10.99.0.0/16", backend: "10.0.17.20")
        static let v6 = Case(
            services: "fd00:10:100::/108", pods: "2001:db8:99::/64", backend: "2001:db8::1")

        init(services: String, pods: String, backend: String) {
            self.services = CIDR(services) ?? CIDR(host: IPAddress(v4: 0, 0, 0, 0))
            self.pods = CIDR(pods) ?? CIDR(host: IPAddress(v4: 0, 0, 0, 0))
            let address = IPAddress(backend) ?? IPAddress(v4: 0, 0, 0, 0)
            self.backend = Backend(address: address, port: 8080, protocol: .tcp)
        }
    }

    @Test("the dialled service is the last rule of KUBE-SERVICES", arguments: [Case.v4, Case.v6])
    func dialledLast(made: Case) throws {
        let services = try #require(
            syntheticServices(
                count: 500, services: made.services, pods: made.pods, dialled: [[made.backend]]))
        #expect(services.count == 500)
        #expect(Set(services.map(\.clusterIP)).count == 500)
        #expect(services[499].backends == [made.backend])

        let family = made.services.family
        let rules = proxyRules(
            family: family, ports: services.map(\.proxied),
            settings: ProxySettings(nodeAddress: nil))
        let nat = try #require(rules.tables.first { $0.name == "nat" })
        let walk = nat.rules.filter { $0.hasPrefix("-A KUBE-SERVICES -d ") }
        #expect(walk.count == 500)
        #expect(walk.last?.contains(" \(services[499].clusterIP)/\(family.bits) ") == true)
    }

    @Test("the agent is told the same services as the rules", arguments: [Case.v4, Case.v6])
    func manifests(made: Case) throws {
        var second = made.backend
        second.port += 1
        let services = try #require(
            syntheticServices(
                count: 20, services: made.services, pods: made.pods,
                dialled: [[made.backend, second]]))
        let snapshot = try Snapshot(manifest: manifest(of: services))
        let family = made.services.family
        let read = proxiedPorts(family: family, in: snapshot)
        let settings = ProxySettings(nodeAddress: nil)
        let tcp = read.filter { $0.name.protocol == .tcp }
        #expect(
            proxyRules(family: family, ports: tcp, settings: settings).restoreText
                == proxyRules(family: family, ports: services.map(\.proxied), settings: settings)
                .restoreText)
        #expect(read.count == 40, "each has a UDP port besides")
    }

    @Test("more services than the prefix has addresses are refused")
    func tooMany() throws {
        let small = try #require(CIDR("10.100.0.0/28"))
        let pods = Case.v4.pods
        #expect(syntheticServices(count: 15, services: small, pods: pods, dialled: []) != nil)
        #expect(syntheticServices(count: 16, services: small, pods: pods, dialled: []) == nil)
    }

    @Test("above 1,000 endpoints the chains of backends carry no comments, as kube-proxy has it")
    func comments() throws {
        func commented(_ count: Int) throws -> Int {
            let services = try #require(
                syntheticServices(
                    count: count, services: Case.v4.services, pods: Case.v4.pods,
                    dialled: [[Case.v4.backend]]))
            let rules = proxyRules(
                family: .v4, ports: services.map(\.proxied),
                settings: ProxySettings(nodeAddress: nil))
            return rules.tables.flatMap(\.rules).count {
                $0.hasPrefix("-A KUBE-SEP-") && $0.contains("--comment")
            }
        }
        // 333 services of three and one of one are 1,000: the limit itself still has comments.
        #expect(try commented(334) == 2000)
        #expect(try commented(335) == 0)
    }
}
