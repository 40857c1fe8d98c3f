// The health port's answers, which load balancers and the kubelet act on.

import Model
import Testing

@testable import Agent

private func facts(_ change: (inout HealthFacts) -> Void = { _ in }) -> HealthFacts {
    var facts = HealthFacts()
    facts.isProgrammed = true
    facts.now = "now"
    facts.lastUpdated = "before"
    change(&facts)
    return facts
}

@Suite struct HealthTests {
    @Test("before the first complete programming both answers are 503")
    func beforeProgramming() {
        let early = facts { $0.isProgrammed = false }
        #expect(HealthAnswer.live(early).status == 503)
        #expect(HealthAnswer.health(early).status == 503)
    }

    @Test(
        "a programmed node stays healthy for ever while nothing waits"
    )
    func idle() {
        #expect(HealthAnswer.live(facts()).status == 200)
        #expect(HealthAnswer.health(facts()).status == 200)
    }

    @Test("a change that has waited for 60 s makes it 503, one that waited less does not")
    func waiting() {
        let late = facts { $0.oldestWait = .seconds(60) }
        let soon = facts { $0.oldestWait = .milliseconds(59_999) }
        #expect([late, soon].map { HealthAnswer.live($0).status } == [503, 200])
        #expect([late, soon].map { HealthAnswer.health($0).status } == [503, 200])
    }

    @Test("a node that is leaving is drained by /healthz and not restarted by /livez")
    func leaving() {
        let leaving = facts { $0.node = Node(isLeaving: true) }
        let staying = facts { $0.node = Node(isLeaving: false) }
        #expect(HealthAnswer.health(leaving).status == 503)
        #expect(HealthAnswer.live(leaving).status == 200)
        #expect(HealthAnswer.health(staying).status == 200)
        #expect(HealthAnswer.health(leaving).body.contains("\"healthy\":true"))
    }

    @Test(
        "the body has kube-proxy's fields, and nodeEligible on /healthz only"
    )
    func body() {
        #expect(
            HealthAnswer.health(facts()).body == """
                {"lastUpdated":"now","currentTime":"now","healthy":true,"status":\
                {"IPv4":{"lastUpdated":"now","healthy":true},\
                "IPv6":{"lastUpdated":"now","healthy":true}},"nodeEligible":true}

                """)
        let late = HealthAnswer.live(facts { $0.oldestWait = .seconds(90) })
        #expect(
            late.body.hasPrefix(
                "{\"lastUpdated\":\"before\",\"currentTime\":\"now\",\"healthy\":false"))
        #expect(!late.body.contains("nodeEligible"))
    }
}
