// Starting a child: its three streams and the call. Input travels in a memory file, so that nobody
// has to feed a pipe and no child that reads nothing can stop us.

import CLinux
import Glibc

extension ChildProcess {
    /// One of the child's output streams: the end it gets and the end we read, if any.
    struct Stream: ~Copyable {
        let theirs: FileDescriptor
        let ours: FileDescriptor?
    }

    static func input(_ bytes: [UInt8]?) throws(KernelError) -> FileDescriptor {
        guard let bytes else { return try FileDescriptor(opening: "/dev/null") }
        let file = FileDescriptor(
            owning: try check("memfd_create", "input") { linux_memory_file("input") })
        try file.writeAll(bytes, subject: "input")
        try check("lseek", "input") { lseek(file.rawValue, 0, SEEK_SET) }
        return file
    }

    static func stream(
        _ output: Command.Output, inherited: Int32
    ) throws(KernelError) -> Stream {
        switch output {
        case .captured:
            var ends: [Int32] = [-1, -1]
            try check("pipe", "") { linux_pipe(&ends) }
            return Stream(
                theirs: FileDescriptor(owning: ends[1]), ours: FileDescriptor(owning: ends[0]))
        case .discarded:
            return Stream(
                theirs: try FileDescriptor(opening: "/dev/null", flags: O_WRONLY), ours: nil)
        case .inherited:
            let copy = try check("dup", "\(inherited)") { linux_duplicate(inherited) }
            return Stream(theirs: FileDescriptor(owning: copy), ours: nil)
        case .file(let path):
            let flags = O_WRONLY | O_CREAT | O_APPEND
            return Stream(
                theirs: try FileDescriptor(opening: path, flags: flags, mode: 0o600), ours: nil)
        }
    }

    /// Starts the program. The streams stay the caller's to close.
    static func spawn(
        _ command: Command, _ input: Int32, _ output: Int32, _ error: Int32
    ) throws(KernelError) -> linux_spawn_result {
        let cgroup = try command.cgroup?.open()
        let environment = command.environment.map { $0.map { "\($0.key)=\($0.value)" } }
        let arguments = CStrings(command.arguments)
        let variables = CStrings(environment ?? [])
        let directory = CStrings(command.directory.map { [$0] } ?? [])
        var result = linux_spawn_result()
        let code = withExtendedLifetime((arguments, variables, directory)) {
            var request = linux_spawn_request()
            request.argv = arguments.constant
            request.envp = environment == nil ? linux_environment() : variables.constant
            request.directory = UnsafePointer(directory.pointer[0])
            request.stdio = (input, output, error)
            request.namespace_fd = command.namespace?.descriptor.rawValue ?? -1
            request.cgroup_fd = cgroup.number
            return linux_spawn(&request, &result)
        }
        guard code == 0 else {
            throw KernelError(
                call: stageName(result.stage), subject: subject(of: result.stage, command),
                errno: Errno(rawValue: code))
        }
        return result
    }

    private static func stageName(_ stage: linux_spawn_stage) -> String {
        switch stage {
        case SPAWN_STAGE_CLONE: "clone3"
        case SPAWN_STAGE_NAMESPACE: "setns"
        case SPAWN_STAGE_DIRECTORY: "chdir"
        case SPAWN_STAGE_STDIO: "dup2"
        default: "exec"
        }
    }

    private static func subject(of stage: linux_spawn_stage, _ command: Command) -> String {
        switch stage {
        case SPAWN_STAGE_CLONE: command.cgroup?.path ?? command.arguments[0]
        case SPAWN_STAGE_NAMESPACE: command.namespace?.path ?? ""
        case SPAWN_STAGE_DIRECTORY: command.directory ?? ""
        default: command.arguments[0]
        }
    }
}

/// A NULL-terminated array of C strings.
private final class CStrings {
    let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    var constant: UnsafePointer<UnsafeMutablePointer<CChar>?> { UnsafePointer(pointer) }
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointer = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { pointer[index] = strdup(string) }
        pointer[count] = nil
    }

    deinit {
        for index in 0..<count { free(pointer[index]) }
        pointer.deallocate()
    }
}
