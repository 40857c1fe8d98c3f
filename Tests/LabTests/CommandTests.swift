// The lab's command line as scripts use it: real processes, also killed ones.

import FoundationEssentials
import Glibc
import Lab
import Linux
import Testing

@Suite("needletail-lab")
struct CommandTests {
    /// Beside the test bundle, where the build puts it.
    private static let executable: String = {
        let own = CommandLine.arguments[0]
        let directory = own.lastIndex(of: "/").map { own[..<$0] } ?? "."
        return "\(directory)/needletail-lab"
    }()

    private func run(_ arguments: String...) async throws -> Command.Result {
        try await Command([Self.executable] + arguments).perform()
    }

    /// The process that serves a lab.
    private func server(of name: String) throws -> pid_t {
        try #require(try Lab.open(name).servingProcess)
    }

    @Test("up, status, exec, pod, eni, filter and down do as they say")
    func everyCommand() async throws {
        let name = uniqueLabName()
        let up = try await run("up", "--name", name, "--nodes", "1", "--pods", "1", "-o", "json")
        try #require(up.succeeded, "\(up.errorOutput)")
        let printed = try JSONDecoder().decode(LabStatus.self, from: Data(up.standardOutput))
        let status = try await run("status", "--name", name, "-o", "json")
        #expect(status.output == up.output)
        #expect(try Lab.open(name).status == printed)

        let exec = try await run(
            "exec", "--name", name, "node1/pod1", "--", "sh", "-c", "ip -br addr; exit 3")
        #expect(exec.exit == .status(3))
        #expect(exec.output.contains("\(printed.nodes[0].pods[0].ipv4)/32"))

        let changes = [
            ["eni", "attach"], ["pod", "add"], ["filter", "attach"], ["filter", "detach"],
            ["pod", "delete"], ["eni", "detach"],
        ]
        let arguments =
            [["node1"], ["node1", "late"], ["node1/late"], ["node1/late"]]
            + [["node1", "late"], ["node1", "ens7"]]
        for (change, rest) in zip(changes, arguments) {
            let result = try await Command([Self.executable] + change + ["--name", name] + rest)
                .perform()
            #expect(result.succeeded, "\(change): \(result.errorOutput)")
        }
        #expect(try Lab.open(name).status == printed)

        let missing = try await run("exec", "--name", name, "node9", "--", "true")
        #expect(missing.exit == .status(1) && missing.errorOutput.contains("node9"))
        let misused = try await run("exec", "--name", name)
        #expect(misused.exit == .status(2) && misused.standardOutput.isEmpty)
        let server = try server(of: name)
        let down = try await run("down", "--name", name)
        #expect(down.succeeded)
        #expect(try !Lab.all().contains { $0.name == name })
        try await gone(server)
    }

    @Test("what a killed lab left is cleaned by the next up of that name, and by a bare down")
    func killed() async throws {
        let name = uniqueLabName()
        for cleaner in [["up", "--name", name, "--nodes", "1", "--pods", "1"], ["down"]] {
            let up = try await run("up", "--name", name, "--nodes", "1", "--pods", "2")
            try #require(up.succeeded, "\(up.errorOutput)")
            let server = try server(of: name)
            #expect(kill(server, SIGKILL) == 0)
            try await gone(server)
            #expect(try Lab.all().contains { $0.name == name && !$0.isAlive })
            let cleaned = try await Command([Self.executable] + cleaner).perform()
            #expect(cleaned.succeeded, "\(cleaned.errorOutput)")
            if cleaner[0] == "up" {
                #expect(try Lab.open(name).nodes[0].pods.count == 1)
                try Lab.remove(name)
            }
            #expect(try !Lab.all().contains { $0.name == name })
            #expect(try NetworkNamespace.names().allSatisfy { !$0.contains(".\(name).") })
        }
    }

    /// Waits until a process that is not our child has ended.
    private func gone(_ pid: pid_t) async throws {
        let deadline = Monotonic.now().advanced(byMilliseconds: 5000)
        while let stat = try? File.readText("/proc/\(pid)/stat"), !stat.contains(") Z ") {
            try #require(Monotonic.now() < deadline, "process \(pid) lives on")
            await Task.yield()
        }
    }
}
