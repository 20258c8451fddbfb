/* SPDX-License-Identifier: MIT */
#pragma once

#include "config.h"

/* The program that swaps and scales. Apart from toolooctl, for it asks programs for their health by HTTP: libcurl and its 28
 * libraries would make every other verb start some milliseconds later. */
#define SWAP_PROGRAM TL_PKGLIB_DIR "/toolooctl-swap"
#define SWAP_ARGUMENT "--swap"
