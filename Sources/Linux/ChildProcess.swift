// A running child, known by a pidfd: a number that another process got meanwhile is never
// signalled. Whoever starts one ends it: dropping the last reference neither kills nor reaps the
// child.

import CLinux
import Glibc
import Synchronization

/// A child process that was started by `Command.start`.
package final class ChildProcess: Sendable {
    package let pid: Int32
    /// What it runs, for messages.
    package let name: String

    private let pidfd: FileDescriptor
    private let outputPipe: FileDescriptor?
    private let errorPipe: FileDescriptor?
    private let ended = Mutex<Command.Exit?>(nil)

    init(_ command: Command) throws(KernelError) {
        name = command.arguments[0]
        let input = try Self.input(command.input)
        let output = try Self.stream(command.output, inherited: STDOUT_FILENO)
        let error = try Self.stream(command.errorOutput, inherited: STDERR_FILENO)
        let result = try Self.spawn(
            command, input.rawValue, output.theirs.rawValue, error.theirs.rawValue)
        pid = result.pid
        pidfd = FileDescriptor(owning: result.pidfd)
        outputPipe = output.ours
        errorPipe = error.ours
    }

    /// Sends a signal; a child that has ended takes none and that is fine.
    package func signal(_ number: Int32) { _ = linux_signal(pidfd.rawValue, number) }

    /// SIGKILL.
    package func kill() { signal(SIGKILL) }

    /// Whether it has not ended yet.
    package var isRunning: Bool {
        do throws(KernelError) { return try reap() == nil } catch { return false }
    }

    /// Blocks the calling thread until the child has ended or the deadline has come.
    /// - Returns: nil at the deadline; the child runs on.
    package func waitBlocking(until deadline: Monotonic? = nil) throws(KernelError) -> Command.Exit?
    {
        while true {
            if let exit = try reap() { return exit }
            let ready = try Readiness.wait(reading: [pidfd.rawValue], until: deadline)
            if !ready[0] { return nil }
        }
    }

    /// Waits for the child's end without blocking a pool thread. Any number of waiters.
    package func wait() async throws -> Command.Exit {
        try await DedicatedThread.perform { [self] in try waitBlocking() ?? .timedOut }
    }

    /// Reads the captured output and waits for the end, on the calling thread; kills the child at
    /// the deadline. To be called once. Descendants that keep the output open are not waited for.
    package func collect(until deadline: Monotonic? = nil) throws(KernelError) -> Command.Result {
        var output: [UInt8] = []
        var error: [UInt8] = []
        var isOutputOpen = outputPipe != nil
        var isErrorOpen = errorPipe != nil
        var isOver = false
        while true {
            // poll ignores negative descriptors.
            let list = [
                isOutputOpen ? outputPipe.number : -1, isErrorOpen ? errorPipe.number : -1,
                isOver ? -1 : pidfd.rawValue,
            ]
            let ready = try Readiness.wait(reading: list, until: isOver ? .now() : deadline)
            if ready[0] { isOutputOpen = try append(outputPipe, to: &output) }
            if ready[1] { isErrorOpen = try append(errorPipe, to: &error) }
            if ready[2] { isOver = true }
            if ready.contains(true) { continue }
            if isOver { break }
            kill()
            _ = try waitBlocking()
            return Command.Result(exit: .timedOut, standardOutput: output, standardError: error)
        }
        let exit = try waitBlocking() ?? .timedOut
        return Command.Result(exit: exit, standardOutput: output, standardError: error)
    }

    /// False at the end of the stream.
    private func append(
        _ pipe: borrowing FileDescriptor?, to bytes: inout [UInt8]
    ) throws(KernelError) -> Bool {
        let chunk = try pipe.read(subject: "output of \(name)")
        bytes += chunk
        guard bytes.count <= Command.outputLimit else {
            kill()
            _ = try waitBlocking()
            throw KernelError(call: "read", subject: "output of \(name)", errno: .fileTooBig)
        }
        return !chunk.isEmpty
    }

    /// Reaps the child if it has ended; afterwards the answer is remembered.
    private func reap() throws(KernelError) -> Command.Exit? {
        try ended.withLock { ended throws(KernelError) in
            if let ended { return ended }
            var status: Int32 = 0
            let found = try check("waitid", name) { linux_reap(pidfd.rawValue, &status) }
            if found == 0 { return nil }
            let signal = status & 0x7f
            ended = signal == 0 ? .status(status >> 8 & 0xff) : .signal(signal)
            return ended
        }
    }
}

extension Optional where Wrapped == FileDescriptor {
    fileprivate func read(subject: String) throws(KernelError) -> [UInt8] {
        switch self {
        case .some(let descriptor): try descriptor.readSome(subject: subject) ?? []
        case .none: []
        }
    }
}
