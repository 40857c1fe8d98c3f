// What is mounted where, from /proc/self/mountinfo. Paths in there escape blanks in octal.

/// One line of /proc/self/mountinfo.
package struct Mount: Hashable, Sendable {
    package let mountPoint: String
    /// `cgroup2`, `bpf`, …
    package let type: String

    /// Nil for a line that does not have proc(5)'s form.
    init?(line: Substring) {
        let fields = line.split(separator: " ")
        guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, dash > 4 else {
            return nil
        }
        mountPoint = Mount.unescaped(fields[4])
        type = String(fields[dash + 1])
    }

    /// All mounts of the process's mount namespace, in mount order.
    package static func all() throws(KernelError) -> [Mount] {
        parse(try File.readText("/proc/self/mountinfo"))
    }

    static func parse(_ text: String) -> [Mount] {
        text.split(separator: "\n").compactMap(Mount.init(line:))
    }

    /// `\040` is a blank.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(field.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
