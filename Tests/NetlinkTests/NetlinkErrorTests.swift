// How refusals of netlink read.

import Linux
import Testing

@testable import Netlink

@Suite struct NetlinkErrorTests {
    @Test("a refusal reads as request, subject, number and the kernel's own words")
    func refusal() {
        let error = NetlinkError.refused(
            request: "add route", subject: "10.0.0.0/8", errno: .invalidArgument,
            explanation: "Nexthop has invalid gateway")
        #expect(
            "\(error)"
                == "add route 10.0.0.0/8: EINVAL (Invalid argument): Nexthop has invalid gateway")
        #expect(error.errno == .invalidArgument)
    }

    @Test("an error without a number has none")
    func withoutNumber() {
        #expect(NetlinkError.interrupted(request: "dump links", attempts: 3).errno == nil)
    }
}
