// Lists of ports as the kernel writes them: what is merged comes out again.

import Model
import Randomness
import Testing

@Suite struct PortListTests {
    @Test(
        "text in, the shortest text out",
        arguments: [
            ("", ""), ("80", "80"), ("80,443", "80,443"), ("443,80", "80,443"),
            ("1-5,6", "1-6"), ("1-5,3-9", "1-9"), ("40960-65535", "40960-65535"),
            ("0-65535", "0-65535"), ("7-7", "7"), ("8080,40960-65535,50000", "8080,40960-65535"),
        ])
    func text(_ text: String, _ expected: String) {
        #expect(PortList(text)?.description == expected)
    }

    @Test(
        "what is no list of ports is refused",
        arguments: ["x", "1-", "-1", "5-3", "65536", "1-2-3"])
    func refused(_ text: String) { #expect(PortList(text) == nil) }

    @Test("insertion and removal agree with a set of ports")
    func model() {
        var random = SeededRandom(seed: 7)
        var list = PortList()
        var model: Set<UInt16> = []
        for _ in 0..<500 {
            let low = UInt16.random(in: 0...200, using: &random)
            let range = low...low + UInt16.random(in: 0...40, using: &random)
            if Bool.random(using: &random) {
                list.insert(range)
                model.formUnion(range)
            } else {
                list.remove(range)
                model.subtract(range)
            }
            #expect(Set(list.ranges.flatMap { Array($0) }) == model)
            for (a, b) in zip(list.ranges, list.ranges.dropFirst()) {
                #expect(Int(a.upperBound) + 1 < Int(b.lowerBound))
            }
        }
    }
}
