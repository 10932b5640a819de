import { layout, nodeFlags, systemUser, takeOverOrder } from "./layout";

const capabilities = "CAP_NET_BIND_SERVICE CAP_NET_RAW";

/**
 * The unit template; an instance is named by its bundle. What the capabilities are for: ports below 1024; sockets that are bound to an
 * interface, and frames to clients that have no address yet. Two instances may run for a while, where one takes over from the
 * other: the folder of their sockets outlives the one that ends first, and one that finds another serving (75) isn't tried again.
 * A variable and not an option: a bundle from before there was a hand-over starts under this unit too.
 */
export const unitText = `[Unit]
Description=pulumi-pxe boot agent (bundle %i)
After=network.target
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=exec
ExecStart=${layout.nodeLink} ${nodeFlags.join(" ")} ${layout.bundles}/%i/pxe-agent.cjs run --data ${layout.data} --socket ${layout.socket}
User=${systemUser}
Group=${systemUser}
Environment=PXE_TAKE_OVER=${takeOverOrder("%i")}
WorkingDirectory=${layout.data}
RuntimeDirectory=pulumi-pxe
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
UMask=0077
Restart=on-failure
RestartSec=1
RestartPreventExitStatus=75
TimeoutStopSec=15
LimitNOFILE=65536
TasksMax=128

AmbientCapabilities=${capabilities}
CapabilityBoundingSet=${capabilities}
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=${layout.data}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;

/** What `pxe-agent` on the target runs: the bundle that serves now. */
export const launcherText = `#!/bin/sh
exec ${layout.nodeLink} ${layout.current}/pxe-agent.cjs "$@"
`;

/** The one thing that a control key may do. */
export const controlCommand = `${layout.launcher} ctl --socket ${layout.socket}`;

const keyComment = (owner: string): string => `pulumi-pxe:${owner}`;

/** An authorized_keys line (sshd(8)): no terminal, no forwarding, one command. */
export function authorizedKeyLine(publicKey: string, owner: string): string {
  return `restrict,command="${controlCommand}" ${publicKey} ${keyComment(owner)}`;
}

/** Whose key an authorized_keys line holds; undefined for lines that are not ours. */
export function keyLineOwner(line: string): string | undefined {
  return /\spulumi-pxe:(\S+)$/.exec(line)?.[1];
}
