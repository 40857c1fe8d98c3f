// bpfc: compiles one BPF program and writes it as a Swift source (or, with --object, as it is).
// `swift build` calls it through the plugin; CI and tools/vm call it by hand with either compiler.
// It decides nothing about the program: every fact about compiling bpf/ is in Compiler.swift.

import Glibc

let usage = """
    usage: bpfc [--clang PATH] [--toolchain-clang PATH] [--object] --bpf DIR --out FILE SOURCE

      --bpf DIR               the folder with shared/, lib/ and programs/
      --clang PATH            this compiler (also: environment BPF_CLANG)
      --toolchain-clang PATH  the compiler to take if no system clang >= 14 is installed
      --object                write the ELF object itself instead of a Swift source
    """

/// What the command line asks for.
struct Request {
    var clang: String?
    var toolchainClang: String?
    var wantsObject = false
    var root = ""
    var output = ""
    var source = ""

    init?(_ words: some Sequence<String>) {
        var words = words.makeIterator()
        while let word = words.next() {
            switch word {
            case "--clang": clang = words.next()
            case "--toolchain-clang": toolchainClang = words.next()
            case "--object": wantsObject = true
            case "--bpf": root = words.next() ?? ""
            case "--out": output = words.next() ?? ""
            case _ where word.hasPrefix("-") || !source.isEmpty: return nil
            default: source = word
            }
        }
        if root.isEmpty || output.isEmpty || source.isEmpty { return nil }
    }
}

func run(_ request: Request) throws(Failure) {
    let fromEnvironment = getenv("BPF_CLANG").map { String(cString: $0) }
    let compiler = try Compiler.find(
        chosen: request.clang ?? fromEnvironment, toolchain: request.toolchainClang)
    let object = request.wantsObject ? request.output : request.output + ".o"
    try compiler.compile(request.source, root: request.root, to: object)
    if request.wantsObject { return }
    let bytes = try readFile(object)
    unlink(object)
    try writeFile(
        request.output,
        swiftSource(of: bytes, source: request.source, output: request.output, compiler: compiler))
}

guard let request = Request(CommandLine.arguments.dropFirst()) else {
    writeError(usage)
    exit(2)
}
do {
    try run(request)
} catch {
    writeError("bpfc: \(error.description)")
    exit(1)
}
