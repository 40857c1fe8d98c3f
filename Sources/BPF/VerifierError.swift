// A verifier's refusal, with the one line that matters picked out of a log of thousands.
// The whole log is kept: that line alone often does not say by which path the program came there.

/// The kernel's verifier refused a program.
public struct VerifierError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The program's name, as in the C source.
    public let program: String
    /// What `bpf(BPF_PROG_LOAD)` returned; EACCES, EINVAL and E2BIG are usual.
    public let errno: Int32
    /// The whole log. Below Linux 6.4 a log of more than 16 MiB lacks its end.
    public let log: String

    init(program: String, errno: Int32, log: String) {
        self.program = program
        self.errno = errno
        self.log = log
    }

    /// The last line that is not statistics: the reason.
    public var lastUsefulLine: String {
        let statistics = ["processed ", "verification time ", "stack depth ", "insns processed"]
        let useful = log.split(whereSeparator: \.isNewline).last { line in
            !line.allSatisfy(\.isWhitespace) && !statistics.contains { line.hasPrefix($0) }
        }
        return useful.map(String.init) ?? ""
    }

    /// In words, for a log line.
    public var description: String {
        "program \(program) was refused: \(errorText(errno)); \(lastUsefulLine)"
    }
}
