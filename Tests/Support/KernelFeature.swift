// Skips that can't lie: a test says what it needs, and is skipped only where tools/kernels says
// that this kernel lacks it. A kernel that should manage and doesn't turns the test red, not grey.

import FoundationEssentials
import Glibc
package import Testing

/// A column of tools/kernels.
package enum KernelFeature: String, CaseIterable, Sendable {
    case tcx
    case skbConntrack = "skb-conntrack"
    case socketStorage = "socket-storage"
    case ringBuffer = "ring-buffer"
    case mapBatches = "map-batches"
    case xdp
}

/// tools/kernels, read.
package struct KernelTable: Sendable {
    /// By the kernel's first two numbers, `6.12`.
    let rows: [String: [String: Bool]]

    /// The table of this repository.
    package static let shipped: KernelTable = {
        let root = #filePath.dropLast("/Tests/Support/KernelFeature.swift".count)
        let bytes = FileManager.default.contents(atPath: "\(root)/tools/kernels") ?? Data()
        return KernelTable(String(decoding: bytes, as: UTF8.self))
    }()

    /// Reads the table's text: its last comment line names the columns.
    package init(_ text: String) {
        var columns: [Substring] = []
        var rows: [String: [String: Bool]] = [:]
        for line in text.split(separator: "\n") {
            let cells = line.split(separator: " ")
            if line.hasPrefix("# kernel ") {
                columns = Array(cells.dropFirst(2))
            } else if !line.hasPrefix("#"), let kernel = cells.first {
                let answers = zip(columns.map(String.init), cells.dropFirst().map { $0 == "yes" })
                rows[String(kernel)] = Dictionary(answers) { $1 }
            }
        }
        self.rows = rows
    }

    /// Whether a kernel release (`6.1.0-56-cloud-amd64`) should manage; nil if it isn't listed.
    package func expects(_ feature: KernelFeature, of release: String) -> Bool? {
        let version = release.split { !$0.isNumber }.prefix(2).joined(separator: ".")
        return rows[version]?[feature.rawValue]
    }
}

/// The release of the running kernel: `6.1.0-56-cloud-amd64`.
package func kernelRelease() -> String {
    var name = utsname()
    uname(&name)
    let length = MemoryLayout.size(ofValue: name.release)
    return withUnsafeBytes(of: &name.release) { bytes in
        String(decoding: bytes.prefix(length).prefix { $0 != 0 }, as: UTF8.self)
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs the test unless tools/kernels says that this kernel lacks the feature.
    package static func needs(_ feature: KernelFeature) -> Self {
        .enabled(
            if: KernelTable.shipped.expects(feature, of: kernelRelease()) ?? true,
            "this kernel lacks \(feature.rawValue)")
    }
}
