// The parent of all end-to-end suites. They run one after the other: each raises a lab and starts
// agents, and two at once on two cores would only make each other's guards run out.

import Glibc
import Testing

@Suite("end to end", .serialized, .enabled(if: geteuid() == 0, "needs root"))
enum EndToEnd {}
