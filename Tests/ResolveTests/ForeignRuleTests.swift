// Rules of others: which of them put a pod's way out in doubt, and which are harmless.

import Model
import NetworkFixtures
import Resolve
import Testing

/// Whether a pod of the primary or the secondary ENI keeps its way with the rule.
private func keepsWay(
    _ family: IPFamily, onSecondary: Bool, _ rule: (SampleNode, SamplePod) -> Rule
) -> Bool {
    let node = SampleNode(family)
    let pod = node.pod(1, onSecondary: onSecondary)
    var snapshot = Snapshot(settings: node.settings)
    snapshot.network = node.empty.after(
        pod.addition + pod.answers + [.ruleAdded(rule(node, pod))])
    let eni = Resolve.eni(ofPod: pod.address, in: snapshot)
    return eni == pod.eni
}

private struct RuleCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let keepsPrimary: Bool
    let keepsSecondary: Bool
    let rule: @Sendable (SampleNode, SamplePod) -> Rule
}

@Suite struct ForeignRuleTests {
    private static let cases: [RuleCase] = [
        RuleCase(
            testDescription: "a VPN's table for everything, before the CNI's rules",
            keepsPrimary: false, keepsSecondary: false
        ) { node, _ in Rule(family: node.family, priority: 1000, table: 52) },
        RuleCase(
            testDescription: "a VPN's table after the from-rules concerns the primary's pods only",
            keepsPrimary: false, keepsSecondary: true
        ) { node, _ in Rule(family: node.family, priority: 5270, table: 52) },
        RuleCase(
            testDescription: "marked packets to a table: somebody may mark ours",
            keepsPrimary: false, keepsSecondary: false
        ) { node, _ in
            Rule(family: node.family, priority: 900, mark: 0x20, markMask: 0xff, table: 7)
        },
        RuleCase(
            testDescription: "an egress gateway's rule for this pod",
            keepsPrimary: false, keepsSecondary: false
        ) { node, pod in
            Rule(family: node.family, priority: 110, source: CIDR(host: pod.address), table: 7)
        },
        RuleCase(
            testDescription: "an egress gateway's rule for a prefix with this pod",
            keepsPrimary: false, keepsSecondary: false
        ) { node, _ in
            Rule(family: node.family, priority: 110, source: node.settings.vpcCIDRs[0], table: 7)
        },
        RuleCase(
            testDescription: "a rule for a part of the VPC",
            keepsPrimary: false, keepsSecondary: false
        ) { node, _ in
            let part = CIDR(node.address(9, 0), prefixLength: node.family == .v4 ? 24 : 48)
            return Rule(family: node.family, priority: 110, destination: part, table: 7)
        },
        RuleCase(
            testDescription: "everything to the main table takes secondary pods off their ENI",
            keepsPrimary: true, keepsSecondary: false
        ) { node, _ in Rule(family: node.family, priority: 1000, table: Route.mainTable) },
        RuleCase(
            testDescription: "a rule for destinations outside the VPC",
            keepsPrimary: true, keepsSecondary: true
        ) { node, _ in
            let outside = CIDR(node.family == .v4 ? "100.64.0.0/10" : "fd7a::/32")
            return Rule(family: node.family, priority: 110, destination: outside, table: 52)
        },
        RuleCase(
            testDescription: "the first CNIs' rule for all that is not the VPC's",
            keepsPrimary: true, keepsSecondary: true
        ) { node, _ in
            Rule(
                family: node.family, priority: 1024, destination: node.settings.vpcCIDRs[0],
                table: Route.mainTable, isInverted: true)
        },
        RuleCase(
            testDescription: "a rule for what comes in elsewhere",
            keepsPrimary: true, keepsSecondary: true
        ) { node, _ in
            Rule(family: node.family, priority: 10, inputInterface: "vlan.eth.3", table: 103)
        },
        RuleCase(
            testDescription: "a rule for what comes from the pod's veth",
            keepsPrimary: false, keepsSecondary: false
        ) { node, pod in
            Rule(family: node.family, priority: 10, inputInterface: pod.vethName, table: 103)
        },
        RuleCase(
            testDescription: "the local table, wherever it is asked",
            keepsPrimary: true, keepsSecondary: true
        ) { node, _ in Rule(family: node.family, priority: 20, table: Route.localTable) },
        RuleCase(
            testDescription: "another source's rule",
            keepsPrimary: true, keepsSecondary: true
        ) { node, _ in
            let host = CIDR(host: node.address(2, 20))
            return Rule(family: node.family, priority: 100, source: host, table: 2)
        },
        RuleCase(
            testDescription: "an ENI's own rule, as networkd writes it",
            keepsPrimary: true, keepsSecondary: true
        ) { node, _ in
            let host = CIDR(host: node.address(2, 20))
            return Rule(family: node.family, priority: 32765, source: host, table: 2)
        },
        RuleCase(
            testDescription: "the other family's rule",
            keepsPrimary: true, keepsSecondary: true
        ) { node, _ in
            Rule(family: node.family == .v4 ? .v6 : .v4, priority: 1000, table: 52)
        },
    ]

    @Test("the way out with somebody else's rule", arguments: cases, IPFamily.allCases)
    private func wayOut(_ ruleCase: RuleCase, family: IPFamily) {
        #expect(keepsWay(family, onSecondary: false, ruleCase.rule) == ruleCase.keepsPrimary)
        #expect(keepsWay(family, onSecondary: true, ruleCase.rule) == ruleCase.keepsSecondary)
    }
}
