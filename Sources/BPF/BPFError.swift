// Everything that can go wrong in this module, with the facts: which call, on what, which errno.
// Nothing is logged here; whoever handles the error does that.

import CLibBPF
import Glibc

/// What failed, on what, and why.
public enum BPFError: Error, Sendable, Equatable {
    /// A call failed. `operation` is libbpf's or the kernel's name for it, `subject` the thing it
    /// was done to ("map services4"), `errno` positive, `detail` what libbpf had to say (may be
    /// empty).
    case system(operation: String, subject: String, errno: Int32, detail: String = "")
    /// A batch stopped: the first `done` elements are through, the next one failed.
    case batch(operation: String, subject: String, done: Int, errno: Int32)
    /// The kernel's verifier refused a program.
    case rejected(VerifierError)
    /// Two sides disagree about a thing, as the value size of a map in C, Swift and on a pin.
    case mismatch(subject: String, property: String, wanted: String, found: String)
    /// An object has no map, program or constant of that name.
    case missing(String)
    /// This kernel can't; the least version that can.
    case unsupported(Feature, since: String)

    /// The kernel's errno (positive), if a call failed.
    public var errno: Int32? {
        switch self {
        case .system(_, _, let errno, _), .batch(_, _, _, let errno): errno
        case .rejected(let error): error.errno
        case .mismatch, .missing, .unsupported: nil
        }
    }
}

extension BPFError: CustomStringConvertible {
    /// In words, for a log line.
    public var description: String {
        switch self {
        case .system(let operation, let subject, let errno, let detail):
            "\(operation) on \(subject): \(errorText(errno))"
                + (detail.isEmpty ? "" : "; \(detail)")
        case .batch(let operation, let subject, let done, let errno):
            "\(operation) on \(subject): \(errorText(errno)) after \(done) elements"
        case .rejected(let error): error.description
        case .mismatch(let subject, let property, let wanted, let found):
            "\(subject): \(property) is \(found), wanted \(wanted)"
        case .missing(let what): "there is no \(what)"
        case .unsupported(let feature, let since):
            "this kernel has no \(feature) (it came with Linux \(since))"
        }
    }
}

/// "No such file or directory (2)"; libbpf's own errors begin at 4000.
func errorText(_ number: Int32) -> String {
    if number < 4000 { return "\(String(cString: strerror(number))) (\(number))" }
    var text = [CChar](repeating: 0, count: 128)
    libbpf_strerror(number, &text, text.count)
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return "\(String(decoding: bytes, as: UTF8.self)) (\(number))"
}

/// Turns libbpf 1.x's negative errno into a thrown error; returns other results as they are.
/// `detail` is what libbpf said meanwhile.
@discardableResult
func check(
    _ result: Int32, _ operation: String, _ subject: @autoclosure () -> String,
    _ detail: String = ""
) throws(BPFError) -> Int32 {
    if result < 0 {
        throw .system(operation: operation, subject: subject(), errno: -result, detail: detail)
    }
    return result
}
