// bpfc and its promises: nothing stale, nothing that warns, the same bytes for the same sources.
// Calls the built tool on a copy of its own of a small bpf/ tree.

import Glibc
import Linux
import Testing

/// A small bpf/ tree in a folder of its own.
private final class Tree {
    let path = "/tmp/needletail-bpfc-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    /// The tool lies beside the test bundle.
    private let tool: String

    init() throws {
        var name = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &name, name.count)
        let bytes = name.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }
        let folder = String(decoding: bytes, as: UTF8.self).split(separator: "/").dropLast()
        tool = "/" + folder.joined(separator: "/") + "/bpfc"
        for part in ["lib", "shared", "programs"] { try Directory.create("\(path)/\(part)") }
        try write("#define VERDICT 1\n", to: "lib/verdict.h")
        try write(program: "return skb->len ? VERDICT : 0;")
    }

    deinit {
        for file in ["lib/verdict.h", "programs/two_words.bpf.c", "out", "TwoWordsObject.swift"] {
            unlink("\(path)/\(file)")
        }
        for part in ["lib", "shared", "programs", ""] { rmdir("\(path)/\(part)") }
    }

    func write(_ text: String, to file: String) throws {
        try File.replace("\(path)/\(file)", with: Array(text.utf8))
    }

    func write(program body: String) throws {
        try write(
            """
            #include <linux/bpf.h>
            #include <bpf/bpf_helpers.h>
            #include "verdict.h"
            SEC("tc") int program(struct __sk_buff *skb) { \(body) }

            """, to: "programs/two_words.bpf.c")
    }

    /// Runs bpfc; `output` lies in the tree.
    func compile(_ output: String, _ options: [String] = []) throws -> Command.Result {
        try Command(
            [tool] + options + [
                "--bpf", path, "--out", "\(path)/\(output)", "\(path)/programs/two_words.bpf.c",
            ]
        ).run()
    }
}

@Suite struct CompilerTests {
    @Test("another header, another object; the same sources, the same object")
    func headers() throws {
        let tree = try Tree()
        func object() throws -> [UInt8] {
            let result = try tree.compile("out", ["--object"])
            try #require(result.succeeded, "\(result.errorOutput)")
            return try File.read("\(tree.path)/out")
        }
        let first = try object()
        #expect(try object() == first)
        try tree.write("#define VERDICT 2\n", to: "lib/verdict.h")
        #expect(try object() != first)
    }

    @Test("objects carry BTF, no DWARF and no path of this machine")
    func sections() throws {
        let tree = try Tree()
        let result = try tree.compile("out", ["--object"])
        #expect(result.succeeded, "\(result.errorOutput)")
        let text = String(decoding: try File.read("\(tree.path)/out"), as: UTF8.self)
        #expect(text.contains(".BTF.ext"))
        #expect(!text.contains(".debug_info"))
        #expect(!text.contains(tree.path))
    }

    @Test("the Swift source names its enum after the file, and the compiler that made it")
    func swiftSource() throws {
        let tree = try Tree()
        let result = try tree.compile("TwoWordsObject.swift")
        #expect(result.succeeded, "\(result.errorOutput)")
        let text = try File.readText("\(tree.path)/TwoWordsObject.swift")
        #expect(text.contains("package enum TwoWordsObject {"))
        #expect(text.contains("name = \"two_words\""))
        #expect(text.contains("clang version"))
        #expect(text.contains("\"f0VMR"))  // base64 of 0x7f "ELF"
    }

    @Test("a warning is an error, and the old object is not taken for the new one")
    func warnings() throws {
        let tree = try Tree()
        try tree.write(program: "int unused = 1; return skb->len ? VERDICT : 0;")
        let result = try tree.compile("out", ["--object"])
        #expect(result.exit == .status(1))
        #expect(result.errorOutput.contains("unused"))
        #expect(access("\(tree.path)/out", F_OK) != 0)
    }

    @Test("a compiler that is none is refused by name, and wrong usage exits with 2")
    func usage() throws {
        let tree = try Tree()
        let result = try tree.compile("out", ["--clang", "/bin/true"])
        #expect(result.exit == .status(1))
        #expect(result.errorOutput.contains("/bin/true is not a clang that knows the BPF target"))
        #expect(try tree.compile("out", ["--fly"]).exit == .status(2))
    }
}
