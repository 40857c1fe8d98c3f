// Every program, from both compilers, through the verifier of whatever kernel runs this test: here,
// and in CI under each kernel of tools/kernels. `make objects` compiles them into .build/objects,
// one folder a compiler. Constants are set as the agent does: with generation 0 the verifier would
// find every program to be one early return, and prove nothing.

import BPF
import FoundationEssentials
import Linux
import Testing

/// Instructions that the verifier may walk for one program: a quarter of its million
/// (BPF_COMPLEXITY_LIMIT_INSNS, Linux 5.2), so that a kernel which prunes less still accepts it.
private let instructionBudget: UInt32 = 250_000

/// What the generation check alone takes; a program that is not longer does nothing.
private let instructionsOfAnEarlyReturn: UInt32 = 128

/// One object file: a program file as one compiler made it.
struct CompiledObject: CustomTestStringConvertible, Sendable {
    /// The folder below .build/objects: `clang-14`.
    let compiler: String
    /// The file's name without its suffix: `pod`.
    let name: String

    var path: String { "\(CompiledObject.folder)/\(compiler)/\(name).o" }
    var testDescription: String { "\(name) by \(compiler)" }

    static let root = String(#filePath.dropLast("/Tests/LoadTests/LoadTests.swift".count))
    static let folder = "\(root)/.build/objects"

    /// All that were compiled; empty before `make objects`, which the first test reports.
    static let all: [CompiledObject] = names(in: folder).flatMap { compiler in
        names(in: "\(folder)/\(compiler)").compactMap { file in
            guard file.hasSuffix(".o") else { return nil }
            return CompiledObject(compiler: compiler, name: String(file.dropLast(2)))
        }
    }

    /// Program files: `pod` for bpf/programs/pod.bpf.c.
    static let sources: [String] = names(in: "\(root)/bpf/programs").compactMap { file in
        file.hasSuffix(".bpf.c") ? String(file.dropLast(".bpf.c".count)) : nil
    }

    private static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
}

@Suite struct LoadTests {
    @Test("both compilers made an object of every program")
    func complete() {
        for compiler in ["clang-14", "clang-toolchain"] {
            let made = CompiledObject.all.filter { $0.compiler == compiler }.map(\.name)
            #expect(made == CompiledObject.sources, "run `make objects`")
        }
    }

    @Test(
        "this kernel's verifier accepts it within a quarter of its budget, conntrack asked or not",
        arguments: CompiledObject.all, [true, false])
    func verified(_ compiled: CompiledObject, asksConntrack: Bool) throws {
        let bytes = try File.read(compiled.path)
        let object = try BPFObject(bytes: bytes, name: compiled.name)
        try object.setConstant("generation", UInt32(1))
        if object.hasConstant("conntrack_lookup") {
            try object.setConstant("conntrack_lookup", asksConntrack)
        }
        try object.load()
        #expect(!object.programNames.isEmpty)
        for name in object.programNames {
            let count = try object.program(name).info().verifiedInstructions
            print("verified \(compiled.compiler) \(compiled.name)/\(name): \(count) instructions")
            #expect(count > instructionsOfAnEarlyReturn, "the program was optimised away")
            #expect(count <= instructionBudget)
        }
    }
}
