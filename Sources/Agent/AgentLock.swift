// One agent a node: held from before the first look at the datapath until the process ends, however
// it ends, since the kernel drops flock(2)s with their process.

import Glibc
import Linux

/// The locks of one agent, on its state directory and on its pin directory.
struct AgentLock: ~Copyable {
    private let state: FileDescriptor
    private var pins: FileDescriptor?

    enum Failure: Error, CustomStringConvertible {
        /// Another process holds it.
        case held(String)
        case system(KernelError)

        var description: String {
            switch self {
            case .held(let path): "another agent works with \(path); one is enough"
            case .system(let error): "\(error)"
            }
        }
    }

    /// The file that stands for a state directory.
    static func path(in stateDirectory: String) -> String { "\(stateDirectory)/agent.lock" }

    /// Makes the state directory if need be.
    static func take(stateDirectory: String, bpffs: String) throws(Failure) -> AgentLock {
        do throws(KernelError) {
            try Directory.create(stateDirectory, mode: 0o700)
        } catch {
            throw .system(error)
        }
        let path = path(in: stateDirectory)
        guard let state = try lock(path, flags: O_RDWR | O_CREAT, subject: stateDirectory) else {
            throw .system(KernelError(call: "open", subject: path, errno: .noEntry))
        }
        var lock = AgentLock(state: state, pins: nil)
        try lock.takePins(bpffs)
        return lock
    }

    /// Locks the pin directory as it is now; one that is not there yet has no agent. To be called
    /// again when a bpffs was mounted over it, for that is another directory.
    mutating func takePins(_ bpffs: String) throws(Failure) {
        pins = nil
        pins = try Self.lock(bpffs, flags: O_RDONLY | O_DIRECTORY, subject: bpffs)
    }

    private init(state: consuming FileDescriptor, pins: consuming FileDescriptor?) {
        self.state = state
        self.pins = pins
    }

    /// Nil when there is no such path.
    private static func lock(
        _ path: String, flags: Int32, subject: String
    ) throws(Failure) -> FileDescriptor? {
        do throws(KernelError) {
            let descriptor = try FileDescriptor(opening: path, flags: flags)
            if flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 { return descriptor }
            guard errno == EWOULDBLOCK else { throw KernelError.last("flock", path) }
        } catch {
            if error.errno == .noEntry { return nil }
            throw .system(error)
        }
        throw .held(subject)
    }
}
