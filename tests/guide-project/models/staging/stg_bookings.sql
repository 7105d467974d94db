select
    booking_id,
    member_id,
    room_code,
    started_at,
    ended_at,
    status,
    updated_at
from {{ ref('bookings') }}
