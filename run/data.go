package run

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// dataFolder is where an app's stores lie when nobody says otherwise: the
// user's folder for data, as each system has it.
func dataFolder(app string) (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) { // the standard says: else ignore it
		return filepath.Join(dir, app), nil
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return "", errors.Join(errNoData, err)
		}
		return filepath.Join(dir, app), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.Join(errNoData, err)
	}
	return filepath.Join(home, ".local", "share", app), nil
}

var errNoData = errors.New("no folder for data: give one with --data FOLDER")
