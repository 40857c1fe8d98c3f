// The conntrack section of a kube-proxy configuration: how long idle flows are kept. It has no
// flags of ours, since it describes what a cluster's operator already decided once.

import Model
import Yams

extension KubeProxyConfiguration {
    /// Our timeouts with what the file changes in them. 0 leaves a timeout as it is.
    ///
    /// - Throws: `UsageError` for a duration that Kubernetes would refuse too.
    static func flowTimeouts(path: String, yaml: String) throws(UsageError) -> FlowTimeouts {
        var timeouts = FlowTimeouts()
        guard let root = try YAMLText.compose(yaml, path: path)?.mapping,
            let section = root["conntrack"]?.mapping
        else { return timeouts }
        for (field, timeout) in fields {
            guard let node = section[field], node.null == nil, let text = node.string else {
                continue
            }
            guard let seconds = GoDuration.seconds(text) else {
                throw UsageError(
                    "--kube-proxy-config: conntrack.\(field): \"\(text)\" is no duration such as "
                        + "24h0m0s (in \(path))")
            }
            if seconds > 0 { timeouts[keyPath: timeout] = seconds }
        }
        return timeouts
    }

    private static var fields: [(String, WritableKeyPath<FlowTimeouts, UInt32>)] {
        [
            ("tcpEstablishedTimeout", \.tcpEstablished), ("tcpCloseWaitTimeout", \.tcpCloseWait),
            ("udpTimeout", \.udpNew), ("udpStreamTimeout", \.udpEstablished),
        ]
    }
}
