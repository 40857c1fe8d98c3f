// Which clang compiles bpf/, and how. The one place with compiler flags for BPF.
// -mcpu=v3 needs Linux 5.1 (fetching atomics 5.12); v4 would need 6.6. DWARF is stripped since it
// is ten times the program; BTF is in sections of its own and stays.

import Glibc

struct Compiler {
    /// Oldest major version that compiles what we write.
    static let leastVersion = 14
    /// Newest versioned name (`clang-30`) that is looked for.
    static let greatestName = 30

    let path: String
    /// The Swift toolchain's clang, if known; an llvm-objcopy lies beside it.
    let toolchain: String?
    /// First line of `clang --version`.
    let version: String

    /// The compiler to use: `chosen` if given, else the oldest system clang that will do (what it
    /// accepts, newer ones accept), else the Swift toolchain's if it knows the BPF target.
    static func find(chosen: String?, toolchain: String?) throws(Failure) -> Compiler {
        if let chosen, !chosen.isEmpty {
            guard let compiler = Compiler(path: chosen, toolchain: toolchain) else {
                throw Failure("\(chosen) is not a clang that knows the BPF target")
            }
            return compiler
        }
        let versioned = (leastVersion...greatestName).map { "/usr/bin/clang-\($0)" }
        for path in versioned + ["/usr/bin/clang"] + (toolchain.map { [$0] } ?? []) {
            if let compiler = Compiler(path: path, toolchain: toolchain),
                compiler.major >= leastVersion
            {
                return compiler
            }
        }
        throw Failure("no clang >= \(leastVersion) with the BPF target found; set BPF_CLANG")
    }

    private init?(path: String, toolchain: String?) {
        guard access(path, X_OK) == 0,
            let text = try? capture([path, "--version"]),
            let targets = try? capture([path, "--print-targets"]), targets.contains(" bpf ")
        else { return nil }
        self.path = path
        self.toolchain = toolchain
        self.version = text.split(separator: "\n").first.map(String.init) ?? "unknown"
    }

    private var major: Int {
        let words = version.split(separator: " ")
        guard let at = words.firstIndex(of: "version"), at + 1 < words.count else { return 0 }
        return Int(words[at + 1].prefix { $0.isNumber }) ?? 0
    }

    /// Compiles `source` to a stripped object at `object`.
    func compile(_ source: String, root: String, to object: String) throws(Failure) {
        try spawn(
            [
                path, "-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror",
                // No path of this machine in the BTF: same sources, same bytes.
                "-ffile-prefix-map=\(root)=bpf",
                "-I", "\(root)/shared", "-I", "\(root)/lib",
            ] + Compiler.kernelHeaders + ["-c", source, "-o", object])
        try spawn([strip, "--strip-debug", object])
    }

    /// <asm/types.h> lives in a folder per architecture, which `-target bpf` does not search.
    private static var kernelHeaders: [String] {
        #if arch(arm64)
            let architecture = "aarch64"
        #else
            let architecture = "x86_64"
        #endif
        return ["-idirafter", "/usr/include/\(architecture)-linux-gnu"]
    }

    /// The objcopy of the same LLVM, if it is installed; any other is as good, since stripping does
    /// not read the code. The Swift toolchain always has one.
    private var strip: String {
        let suffix = path.split(separator: "-").last.flatMap { Int($0) }.map { "-\($0)" } ?? ""
        let candidates = [
            Self.folder(of: path) + "/llvm-objcopy" + suffix,
            Self.folder(of: path) + "/llvm-objcopy",
            toolchain.map { Self.folder(of: $0) + "/llvm-objcopy" } ?? "",
        ]
        return candidates.first { access($0, X_OK) == 0 } ?? "llvm-objcopy"
    }

    private static func folder(of path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/")
    }
}
