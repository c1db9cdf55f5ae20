/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * version.h - the version, from meson.build
 */
#ifndef VOLLEY_CMD_VERSION_H
#define VOLLEY_CMD_VERSION_H

#ifndef VOLLEY_VERSION
#error "VOLLEY_VERSION comes from engine/cmd/meson.build"
#endif

#endif
