select
    rooms.room_code,
    rooms.name as room,
    cast(date_trunc('month', b.day) as date) as month,
    count(*) as bookings,
    sum(b.minutes) as minutes,
    cast(sum(b.minutes) / 60.0 as decimal(12, 2)) as hours
from fct_bookings as b
join raw.rooms on rooms.room_code = b.room_code
where b.status = 'done'
group by rooms.room_code, rooms.name, cast(date_trunc('month', b.day) as date)
