// The parent of all end-to-end suites. They run one after the other: each raises a lab and starts
// agents, and two at once on two cores would only make each other's guards run out.

import Glibc
import Testing

@Suite("end to end", .serialized, .enabled(if: geteuid() == 0, "needs root"))
enum EndToEnd {}

extension Trait where Self == ConditionTrait {
    /// The packets' road translates services; `WIRE=1` runs these tests all the same.
    static var agentCarriesNorthSouth: Self {
        .enabled(if: getenv("WIRE") != nil, "the packets' road does not translate services yet")
    }
}
