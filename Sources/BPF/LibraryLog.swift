// What libbpf has to say: into the error of the call that it explains, else to a handler.
// libbpf has one print function a process and no notion of whose message it is. All its calls are
// synchronous, so messages belong to the call that runs on the same thread.

import CLibBPF
import Glibc
import Synchronization

/// libbpf's own messages.
public enum LibraryLog {
    /// How serious libbpf holds a message to be.
    public enum Level: Int32, Sendable {
        case warning, info, debug
    }

    /// Receives each message that no thrown error carries. The default drops them: nothing goes to
    /// stderr. The handler runs on the thread that called into this module and must not call it.
    public static func setHandler(_ handler: @escaping @Sendable (Level, String) -> Void) {
        install()
        state.withLock { $0.handler = handler }
    }

    private struct State {
        var handler: (@Sendable (Level, String) -> Void)?
        /// Warnings gathered for the calls in progress, by thread.
        var gathered: [pthread_t: [String]] = [:]
    }

    private static let state = Mutex(State())
    private static let installed: Void = bpfshim_install_print()

    /// Takes over libbpf's print function; once is enough.
    static func install() { _ = installed }

    /// Runs `body` and returns its result beside the warnings that libbpf printed meanwhile.
    static func gathering<Result>(_ body: () -> Result) -> (result: Result, warnings: String) {
        install()
        let thread = pthread_self()
        state.withLock { $0.gathered[thread] = [] }
        let result = body()
        let lines = state.withLock { $0.gathered.removeValue(forKey: thread) } ?? []
        return (result, lines.joined(separator: "; "))
    }

    fileprivate static func receive(_ level: Level, _ text: String) {
        let line = trimmed(text)
        let handler = state.withLock { state -> (@Sendable (Level, String) -> Void)? in
            if level == .warning, state.gathered[pthread_self()] != nil {
                state.gathered[pthread_self()]?.append(line)
                return nil
            }
            return state.handler
        }
        handler?(level, line)
    }

    private static func trimmed(_ text: String) -> String {
        var line = Substring(text)
        if line.hasPrefix("libbpf: ") { line = line.dropFirst("libbpf: ".count) }
        while let last = line.last, last.isWhitespace { line.removeLast() }
        return String(line)
    }
}

/// Called by the shim for each message; see CLibBPF/shim.h.
@_cdecl("bpf_swift_library_message")
func libraryMessage(_ level: Int32, _ text: UnsafePointer<CChar>) {
    LibraryLog.receive(LibraryLog.Level(rawValue: level) ?? .debug, String(cString: text))
}
