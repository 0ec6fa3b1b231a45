//go:build unix && !linux

package faults_test

import "errors"

func inOwnNetwork() (status int, ran bool) { return 0, false }

func setUpNetwork() error { return errors.New("packets can be dropped only on Linux") }

func dropPackets(string) error { return setUpNetwork() }

func passPackets(string) error { return setUpNetwork() }
