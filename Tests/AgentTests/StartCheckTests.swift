// What ends a start before anything is touched.

import Testing

@testable import Agent

@Suite struct StartCheckTests {
    @Test(
        "a kernel older than 6.1 is refused by its release, whatever follows the numbers",
        arguments: [
            ("5.10.0", false), ("5.15.153-aws", false), ("6.0.19", false), ("6.1.0-18-amd64", true),
            ("6.12", true), ("10.0.1", true), ("6.18.0+", true),
        ])
    func kernel(release: String, isSupported: Bool) {
        var complaint = ""
        do { try StartCheck.kernel(release: release) } catch { complaint = error.description }
        #expect(complaint.isEmpty == isSupported)
        #expect(isSupported || complaint.contains(release))
    }

    @Test("a path that is no cgroup is refused, and none is looked for when no dial is translated")
    func cgroup() throws {
        var configuration = Configuration(nodeName: "n")
        configuration.cgroup = "/proc"
        #expect(throws: StartFailure.self) { try StartCheck.cgroup(configuration) }
        configuration.socketLB = .off
        #expect(try StartCheck.cgroup(configuration) == nil)
    }

    @Test("a directory of manifests that is not there is refused by its path")
    func manifests() throws {
        var configuration = Configuration(nodeName: "n")
        configuration.servicesFrom = .directory("/nowhere/manifests")
        let error = #expect(throws: StartFailure.self) { try StartCheck.manifests(configuration) }
        #expect(error?.description.contains("/nowhere/manifests") == true)
        configuration.servicesFrom = .directory("/proc")
        #expect(try StartCheck.manifests(configuration) == "/proc")
    }
}
