// What kube-proxy's configuration says of idle flows, and how many lines an event may have.

import ArgumentParser
import Linux
import Logging
import Model
import Testing

@testable import Agent
@testable import Datapath

@Suite("flow settings") struct FlowSettingTests {
    private func timeouts(_ conntrack: String) throws -> FlowTimeouts {
        let yaml = """
            apiVersion: kubeproxy.config.k8s.io/v1alpha1
            kind: KubeProxyConfiguration
            conntrack:
            \(conntrack)
            """
        let layers = try OptionLayers.resolve(
            commandLine: RunArguments.parse(["--kube-proxy-config", "/k"]).layer, environment: [:]
        ) { _ throws(KernelError) in yaml }
        return try Configuration(layers, environment: [:], hostName: "host").flowTimeouts
    }

    @Test("kube-proxy's four timeouts are taken over; 0, null and absence leave ours")
    func taken() throws {
        let all = try timeouts(
            """
              maxPerCore: 32768
              tcpEstablishedTimeout: 1h30m0s
              tcpCloseWaitTimeout: 90s
              udpTimeout: 1500ms
              udpStreamTimeout: 5m
            """)
        var expected = FlowTimeouts()
        expected.tcpEstablished = 5400
        expected.tcpCloseWait = 90
        expected.udpNew = 2
        expected.udpEstablished = 300
        #expect(all == expected)
        #expect(try timeouts("  tcpEstablishedTimeout: 0s\n  udpTimeout: null") == FlowTimeouts())
        #expect(try timeouts("  tcpEstablishedTimeout: 24h0m0s") == FlowTimeouts())
    }

    @Test(
        "what is no duration ends the start with the field's name", arguments: ["-1s", "5", "day"])
    func refused(text: String) throws {
        let error = #expect(throws: UsageError.self) {
            try timeouts("  udpStreamTimeout: \(text)")
        }
        #expect(error?.description.contains("conntrack.udpStreamTimeout: \"\(text)\"") == true)
    }

    @Test(
        "durations are read as Go reads them",
        arguments: [
            ("0", 0), ("0s", 0), ("24h0m0s", 86_400), ("1.5m", 90), ("1ns", 1), ("100ms", 1),
            ("1h1m1s", 3661), ("+2s", 2), ("", nil), ("s", nil), ("1", nil), ("1x", nil),
            ("1s2", nil), ("1000000h", nil),
        ] as [(String, UInt32?)])
    func durations(text: String, seconds: UInt32?) {
        #expect(GoDuration.seconds(text) == seconds)
    }

    @Test("a reason has five lines in 10 s; the next line tells how many were withheld")
    func limit() throws {
        let full = try #require(Reason(number: 98))
        let spoofed = try #require(Reason(number: 101))
        var limit = EventLimit()
        let start = ContinuousClock.now
        func admit(_ reason: Reason, _ seconds: Int) -> Int? {
            limit.admit(reason, at: start.advanced(by: .seconds(seconds)))
        }
        for _ in 0..<5 { #expect(admit(full, 0) == 0) }
        for second in 1...9 { #expect(admit(full, second) == nil) }
        #expect(admit(spoofed, 9) == 0, "another reason has lines of its own")
        #expect(admit(full, 10) == 9)
        #expect(admit(full, 10) == 0)
    }

    @Test("an event's line names the tuple and the service")
    func line() throws {
        var event = DatapathEvent(
            reason: Reason(number: 98), family: .v6, protocol: 6,
            source: try #require(IPAddress("fd00::1")), sourcePort: 4000,
            destination: try #require(IPAddress("fd00::2")), destinationPort: 80, service: 7,
            interface: 3)
        let facts = EventService.facts(event, service: "default/web:http", withheld: 3)
        #expect(
            facts == [
                "reason": "drop_flows_full", "protocol": "TCP", "source": "[fd00::1]:4000",
                "destination": "[fd00::2]:80", "service": "default/web:http", "interface": "3",
                "withheld": "3",
            ])
        #expect(EventService.message(event).contains("flow table is full"))
        event.service = 0
        event.protocol = 47
        event.reason = nil
        let other = EventService.facts(event, service: nil, withheld: 0)
        #expect(other["service"] == nil)
        #expect(other["protocol"] == "protocol 47")
    }
}
