// Slots: dense, few writes, nobody moved without need.

import Testing

@testable import Plan

private func ids(_ numbers: Int...) -> [BackendID] {
    numbers.map { BackendID(rawValue: UInt32($0)) }
}

private func slots(_ numbers: Int...) -> [UInt32: BackendID] {
    Dictionary(
        uniqueKeysWithValues: numbers.enumerated().map {
            (UInt32($0), BackendID(rawValue: UInt32($1)))
        })
}

@Suite struct SlotAssignmentTests {
    @Test("what is already so needs no write")
    func unchanged() {
        let assignment = SlotAssignment(from: slots(5, 3, 9), to: ids(3, 5, 9))
        #expect(assignment.writes == [])
        #expect(assignment.stale == [])
    }

    @Test("a removed backend's slot is filled by the last one")
    func removal() {
        let assignment = SlotAssignment(from: slots(1, 2, 3, 4), to: ids(1, 3, 4))
        #expect(assignment.writes == [.init(slot: 1, backend: BackendID(rawValue: 4))])
        #expect(assignment.stale == [3])
    }

    @Test("a newcomer goes to the end, or to the slot of one that left")
    func newcomer() {
        #expect(
            SlotAssignment(from: slots(1, 2), to: ids(1, 2, 7)).writes
                == [.init(slot: 2, backend: BackendID(rawValue: 7))])
        let exchange = SlotAssignment(from: slots(1, 2, 3), to: ids(1, 3, 7))
        #expect(exchange.writes == [.init(slot: 1, backend: BackendID(rawValue: 7))])
        #expect(exchange.stale == [])
    }

    @Test("leftovers of a failed change are used or overwritten, doubles removed")
    func leftovers() {
        let current: [UInt32: BackendID] = [
            0: BackendID(rawValue: 1), 1: BackendID(rawValue: 1), 4: BackendID(rawValue: 2),
        ]
        let assignment = SlotAssignment(from: current, to: ids(1, 2))
        #expect(assignment.writes == [.init(slot: 1, backend: BackendID(rawValue: 2))])
        #expect(assignment.stale == [4])
    }

    @Test("nobody left: every slot is stale, the highest first")
    func empty() {
        let assignment = SlotAssignment(from: slots(1, 2, 3), to: [])
        #expect(assignment.writes == [])
        #expect(assignment.stale == [2, 1, 0])
    }
}
