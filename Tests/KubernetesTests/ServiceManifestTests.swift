// Services: what is read, which defaults hold, and what makes one malformed.

import Model
import Testing

@testable import Kubernetes

private func read(_ spec: String, _ rest: String = "") -> (Service?, String?) {
    let (index, changes) = index(
        "{apiVersion: v1, kind: Service, metadata: {name: web\(rest)}, spec: \(spec)}")
    return (services(changes)[name("web")], index.refusals.first?.reason)
}

@Suite struct ServiceManifestTests {
    @Test("everything a node reads")
    func everything() throws {
        let text = """
            apiVersion: v1
            kind: Service
            metadata: {name: web, namespace: shop}
            spec:
              type: LoadBalancer
              clusterIP: 10.100.0.1
              clusterIPs: [10.100.0.1, "fd00:100::1"]
              ipFamilies: [IPv4, IPv6]
              selector: {app: web}
              externalIPs: [192.0.2.50, "2001:db8::50"]
              internalTrafficPolicy: Local
              externalTrafficPolicy: Local
              sessionAffinity: ClientIP
              sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
              healthCheckNodePort: 32000
              loadBalancerSourceRanges: [" 192.0.2.0/24 ", nonsense, "2001:db8::/32"]
              ports:
              - {name: http, port: 80, targetPort: web, nodePort: 30080, appProtocol: h2c}
              - {name: dns, port: 53, protocol: UDP}
              - {name: diameter, port: 3868, protocol: SCTP, nodePort: 0}
            status:
              loadBalancer:
                ingress:
                - {ip: 203.0.113.1}
                - {ip: 203.0.113.2, ipMode: VIP}
                - {ip: 203.0.113.3, ipMode: Proxy}
                - {hostname: x.elb.amazonaws.com}
            """
        let service = try #require(services(index(text).1)[name("web", in: "shop")])
        #expect(
            service
                == Service(
                    type: .loadBalancer,
                    clusterIPs: [IPAddress("10.100.0.1")!, IPAddress("fd00:100::1")!],
                    ports: [
                        ServicePort(name: "http", port: 80, nodePort: 30080),
                        ServicePort(name: "dns", protocol: .udp, port: 53),
                        ServicePort(name: "diameter", protocol: .sctp, port: 3868),
                    ],
                    externalIPs: [IPAddress("192.0.2.50")!, IPAddress("2001:db8::50")!],
                    loadBalancerIPs: [IPAddress("203.0.113.1")!, IPAddress("203.0.113.2")!],
                    internalPolicy: .local, externalPolicy: .local, affinityTimeoutSeconds: 60,
                    sourceRanges: [CIDR("192.0.2.0/24")!, CIDR("2001:db8::/32")!],
                    healthCheckNodePort: 32000))
    }

    @Test("absent fields have the API's defaults, null is absent")
    func defaults() throws {
        for spec in [
            "{clusterIP: 10.100.0.1, ports: [{port: 80}]}",
            """
            {clusterIP: 10.100.0.1, clusterIPs: null, type: null, externalIPs: null, \
            sessionAffinity: None, internalTrafficPolicy: null, externalTrafficPolicy: "", \
            ports: [{port: 80, name: null, protocol: null, nodePort: null}]}
            """,
        ] {
            #expect(
                read(spec).0
                    == Service(
                        clusterIPs: [IPAddress("10.100.0.1")!], ports: [ServicePort(port: 80)]))
        }
        #expect(
            read("{sessionAffinity: ClientIP}").0?.affinityTimeoutSeconds == 10_800)
    }

    @Test(
        "headless: no ClusterIP in any spelling",
        arguments: ["{}", "null", "{clusterIP: None}", "{clusterIP: \"\"}", "{clusterIPs: [None]}"])
    func headless(spec: String) {
        #expect(read(spec).0?.clusterIPs == [])
    }

    @Test("ExternalName keeps its type, whatever ClusterIP was left over")
    func externalName() {
        let service = read("{type: ExternalName, externalName: x.example, clusterIP: 10.0.0.1}").0
        #expect(service?.type == .externalName)
    }

    @Test("another proxy's label counts with any value", arguments: ["\"\"", "cilium"])
    func anotherProxy(value: String) {
        let labels = ", labels: {service.kubernetes.io/service-proxy-name: \(value)}"
        #expect(read("{}", labels).0?.belongsToAnotherProxy == true)
        #expect(read("{}").0?.belongsToAnotherProxy == false)
    }

    @Test("a leading zero in an IPv4 address is decimal, as in legacy objects")
    func leadingZero() {
        #expect(read("{clusterIP: 010.100.0.010}").0?.clusterIPs == [IPAddress("10.100.0.10")!])
    }

    @Test(
        "a malformed Service is refused by field and reason",
        arguments: [
            ("{clusterIP: 10.100.0}", "spec.clusterIP: \"10.100.0\" is no IP address"),
            ("{clusterIP: 10}", "spec.clusterIP: is a number, not a string"),
            ("{clusterIPs: [10.0.0.1, 10.0.0.2]}", "spec.clusterIPs[1]: a second IPv4 address"),
            ("{ports: [{port: 70000}]}", "spec.ports[0].port: 70000 is no port number"),
            ("{ports: [{port: 80}, {port: -1}]}", "spec.ports[1].port: -1 is no port number"),
            ("{ports: [{port: 8.5}]}", "spec.ports[0].port: 8.5 is no port number"),
            ("{ports: [{port: \"80\"}]}", "spec.ports[0].port: is a string, not a number"),
            ("{ports: [{name: x}]}", "spec.ports[0].port: is missing"),
            ("{ports: [{port: 0}]}", "spec.ports[0].port: is missing"),
            ("{ports: {port: 80}}", "spec.ports: is an object, not a list"),
            ("{ports: [80]}", "spec.ports[0]: is a number, not an object"),
            (
                "{ports: [{port: 80, protocol: tcp}]}",
                "spec.ports[0].protocol: \"tcp\" is none of TCP, UDP, SCTP"
            ),
            (
                "{ports: [{name: a, port: 80}, {name: a, port: 81}]}",
                "spec.ports[1]: a second TCP port named \"a\""
            ),
            (
                "{ports: [{name: a, port: 80}, {name: b, port: 80}]}",
                "spec.ports[1]: a second port 80/TCP"
            ),
            (
                "{type: Clusterip}",
                "spec.type: \"Clusterip\" is none of "
                    + "ClusterIP, ExternalName, LoadBalancer, NodePort"
            ),
            (
                "{externalTrafficPolicy: local}",
                "spec.externalTrafficPolicy: \"local\" is none of Cluster, Local"
            ),
            ("{externalIPs: [x]}", "spec.externalIPs[0]: \"x\" is no IP address"),
            (
                "{sessionAffinity: ClientIP, "
                    + "sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}}",
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds: is 0"
            ),
            ("[]", "spec: is a list, not an object"),
        ])
    func malformed(spec: String, reason: String) {
        let (service, given) = read(spec)
        #expect(service == nil)
        #expect(given == reason)
    }
}
