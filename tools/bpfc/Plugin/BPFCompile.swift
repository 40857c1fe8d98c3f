// Runs bpfc over bpf/programs/*.bpf.c, the package's or the target's own, so that a plain
// `swift build` embeds fresh BPF objects. Headers are the package's in any case: a test's program
// looks at one of them from close by.
// Every file below bpf/ is an input of every object: a header missing from that list would leave a
// stale object behind a build that says "complete". The compiler is an input too. SwiftPM asks
// again for the list only when a target's folder changed: CDatapath is rooted at bpf/ for that
// reason.

import Foundation
import PackagePlugin

@main
struct BPFCompile: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let bpf = context.package.directoryURL.appending(path: "bpf")
        let own = root(for: target, in: context.package)
        let inputs = files(below: bpf) + (own == bpf ? [] : files(below: own))
        let programs = files(below: own).filter {
            $0.deletingLastPathComponent().lastPathComponent == "programs"
                && $0.lastPathComponent.hasSuffix(".bpf.c")
        }
        let tool = try context.tool(named: "bpfc").url
        let toolchain = try context.tool(named: "clang").url

        var arguments = ["--bpf", bpf.path, "--toolchain-clang", toolchain.path]
        var compilers = [toolchain]
        // Passed on as an argument, so that another value compiles again.
        if let chosen = ProcessInfo.processInfo.environment["BPF_CLANG"], !chosen.isEmpty {
            arguments += ["--clang", chosen]
            compilers.append(URL(filePath: chosen))
        }

        return programs.map { program in
            let name = program.lastPathComponent.dropLast(".bpf.c".count)
            let output = context.pluginWorkDirectoryURL.appending(path: "\(typeName(name)).swift")
            return .buildCommand(
                displayName: "BPF \(name)",
                executable: tool,
                arguments: arguments + ["--out", output.path, program.path],
                inputFiles: inputs + compilers,
                outputFiles: [output])
        }
    }

    /// The folder with programs/: the target's own bpf/ if it has one (tests of BPF do), else ours.
    private func root(for target: Target, in package: Package) -> URL {
        let own = target.directoryURL.appending(path: "bpf")
        let hasOwn = FileManager.default.fileExists(atPath: own.path)
        return hasOwn ? own : package.directoryURL.appending(path: "bpf")
    }

    /// Every regular file below `directory`, sorted, so that the build's description is stable.
    private func files(below directory: URL) -> [URL] {
        let found = FileManager.default.enumerator(
            at: directory, includingPropertiesForKeys: [.isRegularFileKey])
        let all = (found?.allObjects ?? []).compactMap { $0 as? URL }
        return all.filter {
            (try? $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true
        }
        .sorted { $0.path < $1.path }
    }

    /// `pod_egress` → `PodEgressObject`; the tool derives the enum's name from the file's.
    private func typeName(_ program: Substring) -> String {
        program.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
            + "Object"
    }
}
