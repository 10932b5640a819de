/**
 * sh lines that wait until no other deployment to the target changes something, for the rest of the script. The lock is on a
 * folder that is there anyway, so that none is left behind, and that root alone can open where systemd has made one: whoever can
 * open a folder can keep it locked. Where flock (util-linux) is missing, nothing is waited for.
 */
export const lockScript = `if command -v flock >/dev/null 2>&1 && [ -d /etc/systemd/system ]; then
  if [ -d /run/systemd/inaccessible/dir ]; then exec 9</run/systemd/inaccessible/dir; else exec 9</etc/systemd/system; fi
  flock -w 60 9 || { echo "another deployment has been at work on this machine for 60 s" >&2; exit 1; }
fi`;
