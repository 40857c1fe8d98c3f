// Rules for bpf/: who defines maps, who counts, and that a program reads as a table of contents.

import Testing

private let programLengthMax = 150

/// Maps defined elsewhere than in maps.h, so that an operator's list of maps is one file.
func mapsOutOfPlace(_ file: SourceFile) -> [String] {
    guard file.isC, file.path.hasPrefix("bpf/"), file.path != "bpf/lib/maps.h" else { return [] }
    return file.lines.enumerated().compactMap { index, line in
        line.contains("SEC(\".maps\")") ? file.finding(index, "maps are defined in maps.h") : nil
    }
}

/// Counters or events written elsewhere than in report.h, so that no reason is counted twice.
func reportsOutOfPlace(_ file: SourceFile) -> [String] {
    guard file.isC, file.path.hasPrefix("bpf/"), file.path != "bpf/lib/report.h" else { return [] }
    return file.lines.enumerated().compactMap { index, line in
        let writes = line.contains("&counters") || line.contains("&events")
        return writes ? file.finding(index, "counters and events are written in report.h") : nil
    }
}

/// Programs too long to be read as a table of contents.
func programTooLong(_ file: SourceFile) -> [String] {
    guard file.path.hasPrefix("bpf/programs/"), file.lines.count >= programLengthMax else {
        return []
    }
    return [
        file.finding(0, "\(file.lines.count) lines, a program has less than \(programLengthMax)")
    ]
}

/// Files of bpf/ that do not begin by saying their licence, which is not the rest's.
func unlicensed(_ file: SourceFile) -> [String] {
    guard file.isC, file.path.hasPrefix("bpf/") else { return [] }
    let first = file.lines.first ?? ""
    return first.contains("SPDX-License-Identifier: GPL-2.0-only")
        ? [] : [file.finding(0, "no \"SPDX-License-Identifier: GPL-2.0-only\" in the first line")]
}

@Suite struct KernelSideTests {
    @Test("only maps.h defines maps")
    func maps() {
        expectClean(mapsOutOfPlace)
        #expect(mapsOutOfPlace(SourceFile("bpf/lib/flow.h", "} flows4 SEC(\".maps\");")).count == 1)
        #expect(mapsOutOfPlace(SourceFile("bpf/lib/maps.h", "} flows4 SEC(\".maps\");")) == [])
    }

    @Test("only report.h writes counters and events")
    func reports() {
        expectClean(reportsOutOfPlace)
        let line = "struct count *c = bpf_map_lookup_elem(&counters, &reason);"
        #expect(reportsOutOfPlace(SourceFile("bpf/programs/pod.bpf.c", line)).count == 1)
        #expect(reportsOutOfPlace(SourceFile("bpf/lib/report.h", line)) == [])
    }

    @Test("every program is shorter than 150 lines")
    func programs() {
        expectClean(programTooLong)
        let text = String(repeating: "\n", count: 149)
        #expect(programTooLong(SourceFile("bpf/programs/pod.bpf.c", text)).count == 1)
        #expect(programTooLong(SourceFile("bpf/lib/flow.h", text)) == [])
    }

    @Test("every file of bpf/ begins with its licence")
    func licences() {
        expectClean(unlicensed)
        #expect(unlicensed(SourceFile("bpf/lib/a.h", "#pragma once")).count == 1)
        #expect(
            unlicensed(SourceFile("bpf/a.c", "/* SPDX-License-Identifier: GPL-2.0-only\n")) == [])
    }
}
