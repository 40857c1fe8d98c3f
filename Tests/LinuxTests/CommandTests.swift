// Programs that are run to their end: output, status, time limits.

import Glibc
import Linux
import Testing

@Suite struct CommandTests {
    @Test("both output streams and the exit status are captured")
    func output() throws {
        let result = try Command(["sh", "-c", "echo out; echo err >&2; exit 3"]).run()
        #expect(result.output == "out\n")
        #expect(result.errorOutput == "err\n")
        #expect(result.exit == .status(3))
        #expect(!result.succeeded)
    }

    @Test("input larger than a pipe arrives whole, and output larger than a pipe comes back")
    func large() throws {
        let input = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let result = try Command(["cat"], input: input).run()
        #expect(result.standardOutput == input)
    }

    @Test("without input a child reads an end of file")
    func noInput() throws {
        #expect(try Command(["cat"]).run().standardOutput.isEmpty)
    }

    @Test("a child that ends by a signal says which")
    func signal() throws {
        #expect(try Command(["sh", "-c", "kill -TERM $$"]).run().exit == .signal(SIGTERM))
    }

    @Test("a child that takes too long is killed and what it wrote is kept")
    func timeout() throws {
        let result = try Command(["sh", "-c", "echo early; exec sleep 1000"])
            .run(timeoutMilliseconds: 300)
        #expect(result.exit == .timedOut)
        #expect(result.output == "early\n")
    }

    @Test("a descendant that keeps the output open does not hold up the result")
    func descendant() throws {
        let result = try Command(["sh", "-c", "sleep 1000 & echo $!"]).run()
        let descendant = try #require(Int32(result.output.dropLast()))
        #expect(result.succeeded)
        #expect(kill(descendant, SIGKILL) == 0)
    }

    @Test("a program that is not there is an error of exec and leaves no child")
    func missing() throws {
        let error = #expect(throws: KernelError.self) {
            _ = try Command(["no-such-program-anywhere"]).run()
        }
        #expect(error?.call == "exec")
        #expect(error?.errno == .noEntry)
    }

    @Test("environment and directory are the child's own")
    func surroundings() throws {
        var command = Command(["/bin/sh", "-c", "echo $ONE; pwd"], environment: ["ONE": "1"])
        command.directory = "/usr"
        #expect(try command.run().output == "1\n/usr\n")
    }

    @Test("no descriptor of ours leaks into a child")
    func leaks() throws {
        // dup(2) forgets close-on-exec.
        let inheritable = dup(STDERR_FILENO)
        defer { close(inheritable) }
        let result = try Command(["sh", "-c", "ls /proc/$$/fd"]).run()
        #expect(result.output == "0\n1\n2\n")
    }

    @Test("output can go to a file, which is appended to")
    func file() async throws {
        try await withTemporaryDirectory { directory in
            for _ in 0..<2 {
                var command = Command(["echo", "line"])
                command.output = .file("\(directory)/log")
                let result = try command.run()
                #expect(result.succeeded)
            }
            let text = try File.readText("\(directory)/log")
            #expect(text == "line\nline\n")
        }
    }

    @Test("waiting for a running child holds no thread of the pool")
    func waiting() async throws {
        let children = try (0..<64).map { _ in try Command(["sleep", "1000"]).start() }
        try await withThrowingTaskGroup(of: Command.Exit.self) { group in
            for child in children { group.addTask { try await child.wait() } }
            #expect(children.map(\.isRunning) == Array(repeating: true, count: 64))
            for child in children { child.kill() }
            for try await exit in group { #expect(exit == .signal(SIGKILL)) }
        }
        #expect(children.map(\.isRunning) == Array(repeating: false, count: 64))
    }

    @Test("a child starts in the namespace that it is given", needsRoot)
    func namespace() async throws {
        let namespace = try NetworkNamespace.anonymous()
        let result = try await Command(
            ["readlink", "/proc/self/ns/net"], namespace: namespace
        ).perform()
        let expected = try namespace.run { try Command(["readlink", "/proc/self/ns/net"]).run() }
        #expect(result.output == expected.output)
        #expect(result.output != (try Command(["readlink", "/proc/self/ns/net"]).run().output))
    }

    @Test("a child is born in the cgroup that it is given", needsRoot)
    func cgroup() throws {
        let group = try ControlGroup.root().child(uniqueName("nl-command"))
        try group.create()
        defer { try? group.remove() }
        let result = try Command(["cat", "/proc/self/cgroup"], cgroup: group).run()
        let name = try #require(group.path.split(separator: "/").last)
        #expect(result.output.split(separator: "\n").contains("0::/\(name)"))
    }

    @Test("a cgroup that is not there is an error before anything runs", needsRoot)
    func missingCgroup() throws {
        let group = try ControlGroup.root().child(uniqueName("nl-missing"))
        let error = #expect(throws: KernelError.self) {
            _ = try Command(["true"], cgroup: group).run()
        }
        #expect(error?.subject == group.path)
        #expect(error?.errno == .noEntry)
    }
}
