// The collector's pace and the warning before a table is full.

import Model
import Testing

@testable import Datapath

@Suite("flow pace") struct FlowPaceTests {
    @Test("a pass takes 4 s however many steps it has, so that each entry is seen within 10 s")
    func spread() {
        for expected in [1, 2, 10, 100] {
            var elapsed = Duration.zero
            for step in 1...expected {
                elapsed += FlowPace.rest(
                    elapsed: elapsed, steps: step, expected: expected, isPressed: false)
            }
            #expect(elapsed == .seconds(4))
        }
    }

    @Test("a pass that grew beyond what was expected is finished without rest")
    func overrun() {
        #expect(
            FlowPace.rest(elapsed: .seconds(4), steps: 3, expected: 2, isPressed: false) == .zero)
        #expect(
            FlowPace.rest(elapsed: .seconds(60), steps: 1, expected: 2, isPressed: false) == .zero)
    }

    @Test("a table that is nearly full is passed every second")
    func pressed() {
        #expect(
            FlowPace.rest(elapsed: .zero, steps: 2, expected: 2, isPressed: true) == .seconds(1))
    }

    @Test("nearly full is told once at 80 %, and its end once below 70 %")
    func warning() {
        var pressure = FlowPressure()
        let changes = [79, 80, 95, 75, 81, 70, 69, 50, 80].map {
            pressure.observe(FlowTableUse(entries: $0, capacity: 100))
        }
        #expect(changes == [nil, .began, nil, nil, nil, nil, .ended, nil, .began])
    }
}
