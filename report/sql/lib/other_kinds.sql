-- SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
-- A paragraph for each kind of flow that programs wait for and that the report is not about itself.
--: if flow_kind
--: setup
CREATE TEMP TABLE other_kind AS
SELECT flow FROM flow_kind WHERE :flow IS NULL AND waits_for IS NOT NULL AND flow NOT IN report_flow;
-- Each by itself: what a part uses is there whatever the condition.
--: use flow if other_kind
--: use flow_paragraph if other_kind
--: use flow_complete if other_kind

--: text
--: if other_kind
SELECT words FROM flow_said ORDER BY dur_ns DESC, flow, line;
