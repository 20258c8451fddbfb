/* SPDX-License-Identifier: MIT */
#pragma once

/* What a native service (the service host) offers on the user bus; host, toolooctl and metricsd share these names.
 *
 *   name    ai.tooloo.Service.ID        ID with '-' kept: bus names allow it
 *   path    /ai/tooloo/Service
 *
 *   Reload(b only_if_changed) -> (s outcome, t generation, t pause_usec)
 *       Answers once the swap is over. outcome is "reloaded" or "unchanged"; pause_usec is how long the event loop
 *       was held up by it. With only_if_changed a file whose content is already loaded, or was already rejected, is
 *       "unchanged". A module that is not taken gives the error ai.tooloo.Error.ModuleRejected with the reason as
 *       message, one that is missing or cannot be read or copied ai.tooloo.Error.ModuleMissing, and the old
 *       generation goes on serving. A second call during a reload waits and then reloads once more. A service that is
 *       stopping answers as if it were gone, org.freedesktop.DBus.Error.NameHasNoOwner: the next start loads the new
 *       file anyway.
 *
 *   properties (PropertiesChanged is emitted for Generation, Reloaded, Rejected, LastResult, LastProblem):
 *       Id s, Version s (of the module), Generation t, RetiringGenerations u (older ones that still answer something),
 *       Connections u, Requests t, Errors t, LastReload t (realtime usec, 0 for never), LastPause t (usec),
 *       Reloaded t, Rejected t (how often, since the process began),
 *       LastResult s ("", "reloaded", "rejected", "rolled-back"), LastProblem s (one line, "" for none),
 *       ModuleFile s (what a reload loads), LoadedFile s (the host's own copy of what it runs, "" for none)
 */
#define SERVICE_BUS_NAME_PREFIX "ai.tooloo.Service."
#define SERVICE_BUS_PATH "/ai/tooloo/Service"
#define SERVICE_BUS_INTERFACE "ai.tooloo.Service1"
#define SERVICE_BUS_ERROR_REJECTED "ai.tooloo.Error.ModuleRejected"
#define SERVICE_BUS_ERROR_MISSING "ai.tooloo.Error.ModuleMissing"
