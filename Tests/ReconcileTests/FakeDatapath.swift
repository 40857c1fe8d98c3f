// The maps, made of one value; fails as often as it is told.

import Plan
import Randomness

/// Applies operations to an image, as a datapath would to maps.
actor FakeDatapath: OperationApplier {
    private(set) var image: Image
    private(set) var written: [Plan.Operation] = []
    private(set) var restores = 0
    private var random: SeededRandom
    /// One operation in so many fails; nil: none.
    private var failsOnceIn: Int?
    private var refused: (@Sendable (Plan.Operation) -> String?)?
    private var failingRestores = 0

    init(_ image: Image = Image(), failsOnceIn: Int? = nil, seed: UInt64 = 1) {
        self.image = image
        self.failsOnceIn = failsOnceIn
        random = SeededRandom(seed: seed)
    }

    /// What to refuse from now on, and why.
    func refuse(_ reason: (@Sendable (Plan.Operation) -> String?)?) { refused = reason }

    func failRestores(_ count: Int) { failingRestores = count }

    func forgetWritten() { written = [] }

    func apply(_ plans: [UnitPlan]) async -> [UnitOutcome] {
        var outcomes: [UnitOutcome] = []
        for plan in plans {
            var outcome = UnitOutcome(unit: plan.unit, applied: 0)
            for operation in plan.operations {
                if let denominator = failsOnceIn, random.oneIn(denominator) {
                    outcome.failure = "by chance"
                } else {
                    outcome.failure = refused?(operation)
                }
                guard outcome.failure == nil else { break }
                image.apply(operation)
                written.append(operation)
                outcome.applied += 1
            }
            outcomes.append(outcome)
        }
        return outcomes
    }

    struct Unreadable: Error {}

    func restore() async throws -> Image {
        restores += 1
        if failingRestores > 0 {
            failingRestores -= 1
            throw Unreadable()
        }
        return image
    }
}
