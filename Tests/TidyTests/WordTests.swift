// Words that do not belong into a finished text: promises of later work, paths of the machine on
// which it happened to be written, and papers that are not in this repository. They are put
// together here, so that this file has none.

import Testing

private let bannedWords = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
private let bannedPhrases = [
    "not " + "implemented", "un" + "implemented", "place" + "holder", "/wo" + "rk/", "/ho" + "me/",
    "/tmp/h" + "ub", "/tmp/b" + "in/", "vpc-cni" + ".md", "traps" + ".md", "house" + ".md",
    "design" + ".md", "semantics" + ".md", "dataplane" + ".md", "performance" + ".md",
]

/// Banned words as whole words in capitals (mktemp's six X are none), phrases in any case.
func bannedWordsUsed(_ file: SourceFile) -> [String] {
    file.lines.enumerated().flatMap { index, line in
        let words = Set(line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
        let lowercase = line.lowercased()
        let found =
            bannedWords.filter { words.contains($0) }
            + bannedPhrases.filter { lowercase.contains($0) }
        return found.map { file.finding(index, "\"\($0)\"") }
    }
}

@Suite struct WordTests {
    @Test("no file promises later work or names the machine it was written on")
    func words() {
        expectClean(bannedWordsUsed)
        #expect(bannedWordsUsed(SourceFile("a", "// \("TO" + "DO"): later")).count == 1)
        #expect(
            bannedWordsUsed(SourceFile("a", "fatalError(\"\("Not " + "implemented")\")")).count == 1
        )
        #expect(bannedWordsUsed(SourceFile("a", "cd \("/wo" + "rk/")x")).count == 1)
        #expect(bannedWordsUsed(SourceFile("a", "mktemp /tmp/a.XXXXXX")) == [])
    }
}
