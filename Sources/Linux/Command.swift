// A program to run and what came of it. Foundation.Process is not used: it hangs beside threads in
// other network namespaces, and cannot let a child be born in a cgroup.

/// A program with its surroundings, not started yet.
package struct Command: Sendable {
    /// Where the child's output goes.
    package enum Output: Sendable, Hashable {
        /// Into memory, at most `outputLimit` bytes a stream.
        case captured
        /// To /dev/null.
        case discarded
        /// Where ours goes.
        case inherited
        /// Appended to a file, made if absent.
        case file(String)
    }

    /// How a child ended.
    package enum Exit: Hashable, Sendable {
        case status(Int32)
        case signal(Int32)
        /// It was killed since its time was over.
        case timedOut
    }

    /// What a finished child left.
    package struct Result: Sendable {
        package let exit: Exit
        package let standardOutput: [UInt8]
        package let standardError: [UInt8]

        package var succeeded: Bool { exit == .status(0) }
        /// Standard output as text.
        package var output: String { String(decoding: standardOutput, as: UTF8.self) }
        /// Standard error as text.
        package var errorOutput: String { String(decoding: standardError, as: UTF8.self) }
    }

    /// Captured bytes a stream; a child that writes more is killed and `run` throws EFBIG.
    package static let outputLimit = 16 << 20

    /// The program, looked up in our PATH, and its arguments. Never empty.
    package var arguments: [String]
    /// The whole environment; nil: ours.
    package var environment: [String: String]?
    /// Standard input; nil: /dev/null.
    package var input: [UInt8]?
    package var output = Output.captured
    package var errorOutput = Output.captured
    package var directory: String?
    /// The network namespace to start in; mounts stay ours, so bpffs and cgroup2 are seen.
    package var namespace: NetworkNamespace?
    /// The cgroup to be born in: not one instruction runs outside.
    package var cgroup: ControlGroup?

    package init(
        _ arguments: [String], environment: [String: String]? = nil, input: [UInt8]? = nil,
        namespace: NetworkNamespace? = nil, cgroup: ControlGroup? = nil
    ) {
        precondition(!arguments.isEmpty, "a command has a program")
        self.arguments = arguments
        self.environment = environment
        self.input = input
        self.namespace = namespace
        self.cgroup = cgroup
    }

    /// Starts it. Captured output is only read by `collect`.
    package func start() throws(KernelError) -> ChildProcess { try ChildProcess(self) }

    /// Runs it to its end, blocking the calling thread: not from a task, which uses `perform`.
    /// A non-zero exit is a result, not an error.
    package func run(timeoutMilliseconds: Int = 60_000) throws(KernelError) -> Result {
        try start().collect(until: Monotonic.now().advanced(byMilliseconds: timeoutMilliseconds))
    }

    /// Runs it to its end; the awaiting task blocks no pool thread.
    package func perform(timeoutMilliseconds: Int = 60_000) async throws -> Result {
        try await DedicatedThread.perform { try run(timeoutMilliseconds: timeoutMilliseconds) }
    }
}
