export { diskBootMessage } from "./bootsector";
export { Lab, hasRunningTarget, type LabClient, type LabOptions } from "./lab";
export { Machine, type DiskOptions, type MachineExit, type MachineOptions } from "./machine";
export { missingPackages } from "./requirements";
export { waitFor, type RunOptions, type RunResult } from "./process";
export { labFolder, listRecords, stateOf, type LabRecord, type LabState, type TargetAccess } from "./registry";
export { Target, sshCommand, type TargetOptions, type TargetPasswords } from "./target";
export { removeLab, removeLabById, sweep } from "./teardown";
