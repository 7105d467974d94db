/*---
materialized: incremental
unique_key: booking_id
on_schema_change: append
indexes:
  - columns: [member_id]
---*/
select
    b.booking_id,
    b.member_id,
    b.room_code,
    cast(b.started_at as date) as day,
    b.minutes,
    b.billed_hours,
    cast(b.billed_hours * p.hour_fee as decimal(12, 2)) as fee,
    b.status,
    b.updated_at
from int_bookings_timed as b
join stg_members as m on m.member_id = b.member_id
join stg_plans as p on p.plan_code = m.plan_code
{% if is_incremental() %}
where b.updated_at > (select max(updated_at) - interval '1 day' from {{ this }})
{% endif %}
