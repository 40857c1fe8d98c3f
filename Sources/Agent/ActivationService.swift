// Waits for the first programming and then lets the datapath act, all hooks at once: a unit that is
// refused again and again is named and left behind, the others are not. What an earlier agent had
// activated acts all along; activating again changes nothing for it.

import Datapath
import Logging
import Reconcile
import ServiceLifecycle

/// Programmed once, then active.
struct ActivationService: ServiceLifecycle.Service {
    let state: AgentState
    let datapath: Datapath
    let reconciler: Reconciler
    let log: Logger

    func run() async throws {
        try await untilShutdown {
            try await reconciler.tried()
            try await datapath.activate()
            await state.activated()
            log.info("Active.", metadata: ["generation": "\(datapath.generation)"])
        }
        // A service that returns would end the agent.
        try? await gracefulShutdown()
    }
}
