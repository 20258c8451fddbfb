/* SPDX-License-Identifier: MIT */
#pragma once

/* Loads a shared object of ours, for as long as the process lives. NULL when it cannot be; dlerror() says why.
 *
 * A descriptor of the file stays open. By it "toolooctl restart --changed" sees whether that is still what lies on disk: of
 * what a process has merely mapped, only root gets to see the content once the file was replaced. */
void *object_load(const char *path);
