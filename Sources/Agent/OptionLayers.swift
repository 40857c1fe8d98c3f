// The places a setting can come from, in order of precedence. Each is taken whole from the first
// layer that gives it: a list on the command line replaces the config file's, it doesn't grow it.

import Linux
package import Model

/// What was given for each flag, folded by precedence.
package struct OptionLayers: Hashable, Sendable {
    package private(set) var given: [Setting: Given] = [:]
    /// What a kube-proxy configuration says beyond settings of ours.
    package private(set) var flowTimeouts = FlowTimeouts()

    /// Layers from the strongest to the weakest.
    package init(_ layers: [[Setting: Given]]) {
        for layer in layers {
            given.merge(layer) { stronger, _ in stronger }
        }
    }

    /// The layer of the environment. An empty variable counts as unset, since templates write such.
    /// Other variables with our prefix are not ours to judge: Kubernetes makes
    /// `NEEDLETAIL_SERVICE_HOST` for a Service called needletail.
    package static func environment(_ variables: [String: String]) -> [Setting: Given] {
        var layer: [Setting: Given] = [:]
        for flag in Setting.allCases {
            let name = flag.environmentVariable
            if let text = variables[name], !text.isEmpty {
                layer[flag] = Given([text], .environment(name))
            }
        }
        return layer
    }

    /// The files that the stronger layers name are read last.
    ///
    /// - Throws: `UsageError` for an unreadable or malformed file, or an unknown key in it.
    package static func resolve(
        commandLine: [Setting: Given], environment: [String: String]
    ) throws(UsageError) -> OptionLayers {
        try resolve(commandLine: commandLine, environment: environment, read: File.readText)
    }

    static func resolve(
        commandLine: [Setting: Given], environment: [String: String],
        read: (String) throws(KernelError) -> String
    ) throws(UsageError) -> OptionLayers {
        var flowTimeouts = FlowTimeouts()
        var layers = [commandLine, Self.environment(environment)]
        if let (path, yaml) = try OptionLayers(layers).contents(of: .config, read) {
            layers.append(try ConfigFile.layer(path: path, yaml: yaml))
        }
        if let (path, yaml) = try OptionLayers(layers).contents(of: .kubeProxyConfig, read) {
            layers.append(try KubeProxyConfiguration.layer(path: path, yaml: yaml))
            flowTimeouts = try KubeProxyConfiguration.flowTimeouts(path: path, yaml: yaml)
        }
        var options = OptionLayers(layers)
        options.flowTimeouts = flowTimeouts
        return options
    }

    /// The file that a setting names, nil when none is given.
    private func contents(
        of setting: Setting, _ read: (String) throws(KernelError) -> String
    ) throws(UsageError) -> (path: String, text: String)? {
        guard let given = given[setting], let path = given.texts.last else { return nil }
        do throws(KernelError) {
            return (path, try read(path))
        } catch {
            throw UsageError(setting, "\(error)", given.origin)
        }
    }
}
