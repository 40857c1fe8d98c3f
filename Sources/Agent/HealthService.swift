// The health ports as services of the agent: `/healthz` and `/livez`, and those of Services. Their
// sockets are opened in the namespace in which the agent was started.

import Health
import Linux
import Logging
import Model
import ServiceLifecycle

/// Serves `/healthz` and `/livez`.
struct HealthService: ServiceLifecycle.Service {
    let server: NodeHealthServer

    func run() async throws {
        try await untilShutdown { try await server.run() }
    }
}

/// Serves the health ports of Services.
struct HealthPortService: ServiceLifecycle.Service {
    let ports: HealthPorts

    func run() async throws {
        try await untilShutdown { await ports.run() }
    }
}

extension NetworkNamespace {
    /// The main thread's: the process's own, whichever thread asks.
    static func ofProcess() throws(KernelError) -> NetworkNamespace {
        try NetworkNamespace(opening: "/proc/self/ns/net")
    }

    /// Opens what `/healthz` listens at; as with kube-proxy `[::]` takes IPv4 clients too.
    func nodeHealthSocket(_ place: BindAddress) async throws -> CInt {
        try await ListeningSocket.open(
            place.address.octets, port: place.port, isDualStack: true, in: self)
    }

    /// Opens a socket of a Service's health port: the families are counted apart.
    func serviceHealthSocket(_ place: BindAddress) async throws -> CInt {
        try await ListeningSocket.open(place.address.octets, port: place.port, in: self)
    }
}
