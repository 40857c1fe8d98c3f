// `needletail flows`: translated connections, all or those of a service, a pod or an address.

import ArgumentParser
import Inspect
import Model

/// Lists what the flow table holds.
struct FlowsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flows", abstract: "Lists translated connections.",
        discussion: "A flow is shown if it meets every condition that is given.")
    @OptionGroup var options: ViewOptions
    @Option(help: "NAMESPACE/NAME of the service that was dialled.")
    var service: ObjectName?
    @Option(help: "NAMESPACE/NAME of a pod on either end.")
    var pod: ObjectName?
    @Option(help: "The client's address, or a prefix that holds it.")
    var source: CIDR?
    @Option(help: "The address that was dialled or the backend's, or a prefix that holds one.")
    var destination: CIDR?

    func run() async throws {
        var filter = FlowFilter()
        filter.service = service
        filter.pod = pod
        filter.source = source
        filter.destination = destination
        let list = try await options.ask("/v1/flows", DocumentList<FlowItem>.self)
        try options.print(try (list ?? options.away().flows()).filtered(filter))
    }
}

extension ObjectName: ExpressibleByArgument {
    /// `default/web`
    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.init(namespace: String(parts[0]), name: String(parts[1]))
    }
}

extension CIDR: ExpressibleByArgument {
    /// `10.0.0.0/8`, or one address.
    init?(argument: String) { self.init(argument) }
}
