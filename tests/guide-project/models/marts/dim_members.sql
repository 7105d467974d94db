/*---
description: One row per member, those who never booked included.
---*/
with booked as (
    select member_id, count(*) as bookings, sum(fee) as fees, max(day) as last_day
    from fct_bookings
    where status = 'done'
    group by member_id
),

paid as (
    select member_id, sum(amount) as paid
    from stg_payments
    group by member_id
)

select
    m.member_id,
    m.name,
    m.email,
    p.plan,
    m.joined_on,
    m.is_active,
    coalesce(booked.bookings, 0) as bookings,
    cast(coalesce(booked.fees, 0) as decimal(12, 2)) as fees,
    cast(coalesce(paid.paid, 0) as decimal(12, 2)) as paid,
    booked.last_day
from stg_members as m
join stg_plans as p on p.plan_code = m.plan_code
left join booked on booked.member_id = m.member_id
left join paid on paid.member_id = m.member_id
