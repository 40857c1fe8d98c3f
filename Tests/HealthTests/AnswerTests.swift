// The answers to the letter: load balancers and the kubelet act on them.

import HTTP
import Model
import NIOCore
import Testing

@testable import Health

private func facts(_ change: (inout HealthFacts) -> Void = { _ in }) -> HealthFacts {
    var facts = HealthFacts()
    facts.isProgrammed = true
    facts.isNodeEligible = true
    facts.now = "now"
    facts.families = [
        .v4: HealthFacts.Family(lastUpdated: "before"),
        .v6: HealthFacts.Family(lastUpdated: "earlier"),
    ]
    change(&facts)
    return facts
}

private func late(_ wait: Duration, _ family: IPFamily = .v4) -> HealthFacts {
    facts { $0.families[family]?.oldestWait = wait }
}

extension HTTPResponse {
    fileprivate var text: String { String(buffer: body) }
}

@Suite struct AnswerTests {
    @Test("before the first complete programming both answers are 503")
    func beforeProgramming() {
        let early = facts { $0.isProgrammed = false }
        #expect(HealthAnswers.live(early).status == 503)
        #expect(HealthAnswers.health(early).status == 503)
    }

    @Test("a programmed node stays healthy for ever while nothing waits")
    func idle() {
        #expect(HealthAnswers.live(facts()).status == 200)
        #expect(HealthAnswers.health(facts()).status == 200)
    }

    @Test("a change of one family that has waited for 60 s makes it 503, one of less does not")
    func waiting() {
        for family in IPFamily.allCases {
            let waits = [late(.seconds(60), family), late(.milliseconds(59_999), family)]
            #expect(waits.map { HealthAnswers.live($0).status } == [503, 200])
            #expect(waits.map { HealthAnswers.health($0).status } == [503, 200])
        }
    }

    @Test(
        "a node that is leaving, or not known, is drained by /healthz and not restarted by /livez")
    func leaving() {
        let leaving = facts { $0.isNodeEligible = false }
        #expect(HealthAnswers.health(leaving).status == 503)
        #expect(HealthAnswers.live(leaving).status == 200)
        #expect(HealthAnswers.health(leaving).text.contains("\"healthy\":true"))
        #expect(HealthAnswers.health(leaving).text.hasSuffix("\"nodeEligible\":false}"))
    }

    @Test("a good answer speaks of now, and each family of its own last success")
    func goodBody() {
        #expect(
            HealthAnswers.health(facts()).text == """
                {"lastUpdated":"now","currentTime":"now","healthy":true,"status":\
                {"IPv4":{"lastUpdated":"before","healthy":true},\
                "IPv6":{"lastUpdated":"earlier","healthy":true}},"nodeEligible":true}
                """)
        #expect(HealthAnswers.health(facts()).contentType == "application/json")
    }

    @Test("a bad answer says which family is behind and since when; /livez leaves the node out")
    func badBody() {
        #expect(
            HealthAnswers.live(late(.seconds(90), .v6)).text == """
                {"lastUpdated":"earlier","currentTime":"now","healthy":false,"status":\
                {"IPv4":{"lastUpdated":"before","healthy":true},\
                "IPv6":{"lastUpdated":"earlier","healthy":false}}}
                """)
    }

    @Test("a Service's answer is 200 only with a ready endpoint here and a healthy proxy")
    func service() {
        let name = ObjectName(namespace: "shop", name: "web")
        let answers = [(2, true), (0, true), (2, false)].map {
            HealthAnswers.service(name, readyLocalEndpoints: $0, isProxyHealthy: $1)
        }
        #expect(answers.map(\.status) == [200, 503, 503])
        #expect(answers.allSatisfy { $0.contentType == "application/json" })
        let weights = answers.map { $0.headers["X-Load-Balancing-Endpoint-Weight"] }
        #expect(weights == ["2", "0", "2"])
        #expect(
            answers[2].text == """
                {
                \t"service": {
                \t\t"namespace": "shop",
                \t\t"name": "web"
                \t},
                \t"localEndpoints": 2,
                \t"serviceProxyHealthy": false
                }
                """)
    }

    @Test("a name that no API server would take still makes a JSON text")
    func oddName() {
        let name = ObjectName(namespace: "a\"b", name: "c\\\n")
        let text = HealthAnswers.service(name, readyLocalEndpoints: 0, isProxyHealthy: true).text
        #expect(text.contains(#""namespace": "a\"b""#))
        #expect(text.contains(#""name": "c\\\u000a""#))
    }

    @Test("any method is served on the two paths; another path is 404 and names them")
    func paths() async {
        func status(_ method: String, _ path: String) async -> Int {
            await NodeHealthServer.answer(HTTPRequest(method: method, path: path)) { facts() }
                .status
        }
        #expect(await status("POST", "/healthz") == 200)
        #expect(await status("GET", "/livez") == 200)
        #expect(await status("GET", "/") == 404)
    }
}
